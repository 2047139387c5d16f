-- Blocks of 8 kB that the server wrote, before PostgreSQL 16.
select buffers_checkpoint + buffers_clean + buffers_backend from pg_stat_bgwriter
