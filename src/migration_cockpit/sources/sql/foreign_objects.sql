-- What others have built on Airflow's tables: DROP COLUMN and ALTER TYPE fail on a view, a publication carries every
-- rewritten row, a trigger runs for each of them. Airflow itself makes none of these.
with airflow as (
    select c.oid, c.relname from pg_class c
    where c.relkind in ('r', 'p')
      and c.relnamespace = (select relnamespace from pg_class where oid = to_regclass('alembic_version'))
)
select distinct case v.relkind when 'm' then 'materialized view' else 'view' end,
       n.nspname || '.' || v.relname, a.relname
from pg_depend d
join airflow a on a.oid = d.refobjid and d.refclassid = 'pg_class'::regclass
join pg_rewrite r on r.oid = d.objid and d.classid = 'pg_rewrite'::regclass
join pg_class v on v.oid = r.ev_class and v.oid <> a.oid
join pg_namespace n on n.oid = v.relnamespace
union
select 'trigger', t.tgname, a.relname from pg_trigger t join airflow a on a.oid = t.tgrelid where not t.tgisinternal
union
select 'publication', p.pubname, p.tablename from pg_publication_tables p join airflow a on a.relname = p.tablename
where p.schemaname = (select n.nspname from pg_class c join pg_namespace n on n.oid = c.relnamespace
                      where c.oid = to_regclass('alembic_version'))
order by 1, 2, 3
