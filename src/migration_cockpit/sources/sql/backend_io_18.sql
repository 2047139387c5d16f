-- Bytes that a migration's backend read and wrote; others are not asked for.
case when application_name = 'airflow-db-migrate' or writes then (
    select coalesce(sum(coalesce(read_bytes, 0) + coalesce(write_bytes, 0) + coalesce(extend_bytes, 0)), 0)::bigint
    from pg_stat_get_backend_io(sessions.pid)
) else 0 end
