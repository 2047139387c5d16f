-- Blocks of 8 kB that the server wrote: since PostgreSQL 18 one write may carry many blocks, and WAL is listed too.
select (coalesce(sum(coalesce(write_bytes, 0) + coalesce(extend_bytes, 0)), 0) / 8192)::bigint
from pg_stat_io where object <> 'wal'
