-- Every session on this database but the asking one; who holds advisory lock 1; who owns Airflow's tables.
select
    (
        select coalesce(json_agg(s), '[]')::text from (
            select pid, leader_pid as leader, coalesce(usename, '') as "user", coalesce(application_name, '') as application,
                   coalesce(host(client_addr), '') as address, backend_type as kind, coalesce(state, '') as state,
                   coalesce(wait_event_type, '') as wait_type, coalesce(wait_event, '') as wait,
                   left(coalesce(query, ''), 400) as query, backend_start, xact_start, query_start,
                   backend_xid is not null as writes
            from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
            order by xact_start nulls last, pid
        ) s
    ),
    (
        select min(pid) from pg_locks
        where locktype = 'advisory' and granted and classid = 0 and objid = 1 and objsubid = 1
          and database = (select oid from pg_database where datname = current_database())
    ),
    (select r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where c.oid = to_regclass('alembic_version'))
