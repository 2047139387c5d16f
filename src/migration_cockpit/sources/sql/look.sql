-- Which generation of the schema this is, and whether a migration runs. Reads the catalogue and the lock table only.
select
    exists (select from pg_attribute where attrelid = to_regclass('dag') and attname = 'is_active' and not attisdropped),
    exists (select from pg_attribute where attrelid = to_regclass('dag') and attname = 'is_stale' and not attisdropped),
    exists (
        select from pg_locks
        where locktype = 'advisory' and granted and classid = 0 and objid = 1 and objsubid = 1
          and database = (select oid from pg_database where datname = current_database())
    )
