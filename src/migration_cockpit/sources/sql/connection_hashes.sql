select coalesce(json_object_agg(conn_id, left(encode(sha256(convert_to(json_build_array(
    %(salt)s::text, conn_type, description, host, schema, login, password, port, is_encrypted, is_extra_encrypted, extra
)::text, 'UTF8')), 'hex'), 16)), '{}') from connection
