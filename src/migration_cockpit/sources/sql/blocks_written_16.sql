-- Blocks of 8 kB that the server wrote: PostgreSQL 16 and 17 count each block as one write.
select coalesce(sum(coalesce(writes, 0) + coalesce(extends, 0)), 0)::bigint from pg_stat_io
