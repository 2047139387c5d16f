-- Replication slots, how much WAL each holds back, and whether the server may drop one to save its disk.
select slot_name, slot_type, active, coalesce(wal_status, ''),
       coalesce(pg_wal_lsn_diff(case when pg_is_in_recovery() then pg_last_wal_replay_lsn() else pg_current_wal_lsn() end,
                                restart_lsn), 0)::bigint,
       current_setting('max_slot_wal_keep_size') <> '-1'
from pg_replication_slots order by active, slot_name
