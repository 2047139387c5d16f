-- A role for the cockpit on the metadata database; run it as a superuser (RDS: the master user).
-- Its sessions are read-only: the migration itself goes by Airflow's own connection.
CREATE ROLE cockpit LOGIN PASSWORD 'choose one';
-- sessions of other roles with their queries, locks, WAL and block I/O
GRANT pg_monitor TO cockpit;
-- every table of Airflow, those of the target version too; pg_dump where dump.enabled
GRANT pg_read_all_data TO cockpit;
-- to end a stray session by hand; the cockpit itself ends sessions only where a way back swaps two databases by name
GRANT pg_signal_backend TO cockpit;
-- only where a dump is the recovery point: who restores it beside the old database and swaps the two; and for a target
-- whose schema is not shipped: who makes the scratch database on which its image tells it. Airflow's own role, or another
-- one that may SET ROLE to it: rollback.admin_dsn
-- ALTER ROLE airflow CREATEDB;
