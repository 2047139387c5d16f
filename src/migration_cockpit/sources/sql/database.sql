-- The database from outside, in one round trip: one row, one JSON document.
-- Nothing here waits for a lock on a table: names come from the catalogue, sizes from pg_database_size, and the
-- pg_*relation_size functions, which queue behind ACCESS EXCLUSIVE, are not used.
-- Parameters: %(backends)s and %(waiters)s are the longest lists that are sent, %(size)s whether the size is wanted.
with locks as materialized (
    select locktype, relation, classid, objid, objsubid, pid, mode, granted, waitstart
    from pg_locks
    where database = (select oid from pg_database where datname = current_database())
       or locktype in ('transactionid', 'virtualxid')
),
sessions as materialized (
    select pid, leader_pid, usename, application_name, client_addr, backend_type, state, wait_event_type, wait_event,
           query, backend_start, xact_start, query_start, backend_xid is not null as writes
    from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
),
waiting as materialized (
    select l.pid, l.locktype, l.relation, l.classid, l.objid, l.mode, l.waitstart, pg_blocking_pids(l.pid) as blockers
    from (
        select distinct on (pid) * from locks where not granted and pid <> pg_backend_pid() order by pid, waitstart
    ) l
    order by l.waitstart nulls last
    limit %(waiters)s
),
held as (
    select l.pid, l.mode, c.relname, c.relnamespace
    from locks l
    join pg_class c on c.oid = l.relation and c.relkind in ('r', 'p')
    where l.granted and l.locktype = 'relation' and l.pid <> pg_backend_pid()
      and c.relnamespace <> 'pg_catalog'::regnamespace
      and (
          l.mode in ('ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
          or (
              l.relation in (select relation from waiting where relation is not null)
              and l.pid in (select unnest(blockers) from waiting)
          )
      )
    order by l.pid, c.relname
    limit 400
),
progress as (
    select pid, command, phase, relid,
           case when blocks_total > 0 then blocks_done else tuples_done end as done,
           case when blocks_total > 0 then blocks_total else tuples_total end as total
    from pg_stat_progress_create_index where datname = current_database()
    union all
    select pid, command, phase, relid, heap_blks_scanned, heap_blks_total
    from pg_stat_progress_cluster where datname = current_database()
    union all
    select pid, 'VACUUM', phase, relid, heap_blks_scanned, heap_blks_total
    from pg_stat_progress_vacuum where datname = current_database()
    union all
    select pid, command, 'copying', relid, bytes_processed, bytes_total
    from pg_stat_progress_copy where datname = current_database()
)
select json_build_object(
    'server_version', current_setting('server_version_num')::int,
    'alembic_table', to_regclass('alembic_version') is not null,
    'fab_table', to_regclass('alembic_version_fab') is not null,
    'owner', (
        select r.rolname from pg_class c join pg_roles r on r.oid = c.relowner where c.oid = to_regclass('alembic_version')
    ),
    'backends', (
        select coalesce(json_agg(b), '[]') from (
            select pid, leader_pid as leader, coalesce(usename, '') as "user", coalesce(application_name, '') as application,
                   coalesce(host(client_addr), '') as address, backend_type as kind, coalesce(state, '') as state,
                   coalesce(wait_event_type, '') as wait_type, coalesce(wait_event, '') as wait,
                   left(coalesce(query, ''), 400) as query, backend_start, xact_start, query_start, writes,
                   {backend_io} as io,
                   coalesce(state = 'active' and clock_timestamp() - query_start > interval '2 seconds', false) as long
            from sessions
            -- Who matters comes first, should the list be cut: who waits, who writes, who has been at it longest.
            order by (wait_event_type = 'Lock') desc nulls last, writes desc, xact_start nulls last, pid
            limit %(backends)s
        ) b
    ),
    'backends_total', (select count(*) from sessions),
    'waiters', (
        select coalesce(json_agg(w), '[]') from (
            select w.pid, w.blockers, w.mode, w.waitstart as since,
                   case
                       when w.relation is not null then coalesce(c.relname, 'relation ' || w.relation)
                       when w.locktype = 'advisory' then 'advisory lock ' || w.objid
                       when w.locktype in ('transactionid', 'virtualxid') then 'a transaction'
                       else w.locktype
                   end as relation
            from waiting w left join pg_class c on c.oid = w.relation
        ) w
    ),
    'waiters_total', (select count(distinct pid) from locks where not granted),
    'locks', (select coalesce(json_agg(json_build_object('pid', pid, 'relation', relname, 'mode', mode)), '[]') from held),
    -- Every `airflow db migrate` takes advisory lock 1 for as long as it runs, in a session of its own.
    'migration_lock_pid', (
        select min(pid) from locks
        where locktype = 'advisory' and granted and classid = 0 and objid = 1 and objsubid = 1
    ),
    'progress', (
        select coalesce(json_agg(p), '[]') from (
            select p.pid, p.command, p.phase, coalesce(c.relname, '') as relation, p.done, p.total
            from progress p left join pg_class c on c.oid = p.relid
        ) p
    ),
    'wal_bytes', case when pg_is_in_recovery() then 0 else pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint end,
    'blocks_read', (select blks_read from pg_stat_database where datname = current_database()),
    'blocks_written', ({blocks_written}),
    'size', case when %(size)s then pg_database_size(current_database()) end,
    'prepared', (select count(*) from pg_prepared_xacts where database = current_database()),
    'replica_lag', (select extract(epoch from max(coalesce(replay_lag, interval '0'))) from pg_stat_replication),
    'slots', (select count(*) from pg_replication_slots),
    'inactive_slots', (select count(*) from pg_replication_slots where not active)
)::text
