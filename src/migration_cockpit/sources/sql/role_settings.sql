-- The time-outs that a new session of a role gets in this database, as they were written, and where each comes from.
-- %(role)s null: the owner of Airflow's tables, or of the database where there are none. The asking session must not
-- have set them itself.
with subject as (
    select r.oid, r.rolname from pg_roles r
    where r.rolname = coalesce(
        %(role)s::text,
        (select o.rolname from pg_class c join pg_roles o on o.oid = c.relowner where c.oid = to_regclass('alembic_version')),
        (select o.rolname from pg_database d join pg_roles o on o.oid = d.datdba where d.datname = current_database())
    )
),
given as (
    select split_part(c, '=', 1) as name, split_part(c, '=', 2) as value,
           case when s.setrole <> 0 and s.setdatabase <> 0 then 3 when s.setrole <> 0 then 2 else 1 end as rank
    from pg_db_role_setting s cross join lateral unnest(s.setconfig) c
    where s.setrole in (0, (select oid from subject))
      and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
)
select (select rolname from subject), p.name,
       -- What the asker's own role was given says nothing about others: then the server's default must do.
       coalesce(g.value, case when p.source in ('user', 'database user') then p.boot_val else p.setting end),
       case g.rank when 3 then 'role in database' when 2 then 'role' when 1 then 'database' else 'server' end
from pg_settings p
left join lateral (select * from given where given.name = p.name order by rank desc limit 1) g on true
where p.name in ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout')
order by 2
