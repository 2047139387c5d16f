-- Rows and bytes of the tables that a migration rewrites, as the catalogue has them. Before the Job only: the size
-- functions queue behind ACCESS EXCLUSIVE. The parameter is the tables' names.
select c.relname, greatest(c.reltuples, 0)::bigint, pg_total_relation_size(c.oid)
from pg_class c
where c.oid in (select to_regclass(quote_ident(name)) from unnest(%s::text[]) as t (name))
