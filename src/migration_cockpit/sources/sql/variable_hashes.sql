select coalesce(json_object_agg(key, left(encode(sha256(convert_to(json_build_array(
    %(salt)s::text, val, description, is_encrypted
)::text, 'UTF8')), 'hex'), 16)), '{}') from variable
