-- A role for the cockpit on the metadata database; run it as a superuser (RDS: the master user).
-- Its sessions are read-only: the migration itself goes by Airflow's own connection.
CREATE ROLE cockpit LOGIN PASSWORD 'choose one';
-- sessions of other roles with their queries, locks, WAL and block I/O
GRANT pg_monitor TO cockpit;
-- every table of Airflow, those of the target version too; pg_dump where dump.enabled
GRANT pg_read_all_data TO cockpit;
-- only to end a stray session by hand with pg_terminate_backend; the cockpit itself ends none
GRANT pg_signal_backend TO cockpit;
