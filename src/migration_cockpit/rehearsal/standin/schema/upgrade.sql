-- What `airflow db upgrade` sends, revision by revision.
-- Recorded from Apache Airflow 3.2.2 (and its FAB provider) by scripts/make_standin_schema.py; not written by hand.
-- Apache Airflow is licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
-- Statements are separated by a line holding only `--;`.
@revision 5f2621c13b39 044f740568ec Drop ab_user.id foreign key.
--;
ALTER TABLE dag_run_note DROP CONSTRAINT dag_run_note_user_fkey
--;
ALTER TABLE task_instance_note DROP CONSTRAINT task_instance_note_user_fkey
--;
@revision 044f740568ec d0f1c55954fa Remove SubDAGs: ``is_subdag`` & ``root_dag_id`` columns from DAG table.
--;
ALTER TABLE dag DROP COLUMN is_subdag
--;
DROP INDEX idx_root_dag_id
--;
ALTER TABLE dag DROP COLUMN root_dag_id
--;
@revision d0f1c55954fa 0bfc26bc256e Rename DagModel schedule_interval to timetable_summary.
--;
ALTER TABLE dag ALTER COLUMN schedule_interval TYPE TEXT
--;
ALTER TABLE dag ALTER COLUMN schedule_interval DROP NOT NULL
--;
ALTER TABLE dag RENAME schedule_interval TO timetable_summary
--;
@revision 0bfc26bc256e a2c32e6c7729 Add triggered_by field to DagRun.
--;
ALTER TABLE dag_run ADD COLUMN triggered_by VARCHAR(50)
--;
@revision a2c32e6c7729 1cdc775ca98f Rename execution_date to logical_date.
--;
ALTER TABLE dag_run ALTER COLUMN execution_date DROP NOT NULL
--;
ALTER TABLE dag_run RENAME execution_date TO logical_date
--;
ALTER TABLE dag_run DROP CONSTRAINT dag_run_dag_id_execution_date_key
--;
ALTER TABLE dag_run ADD CONSTRAINT dag_run_dag_id_logical_date_key UNIQUE (dag_id, logical_date)
--;
ALTER TABLE log ALTER COLUMN execution_date DROP NOT NULL
--;
ALTER TABLE log RENAME execution_date TO logical_date
--;
@revision 1cdc775ca98f 522625f6d606 Add tables for backfill.
--;
CREATE TABLE backfill (
	id SERIAL NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	from_date TIMESTAMP WITH TIME ZONE NOT NULL,
	to_date TIMESTAMP WITH TIME ZONE NOT NULL,
	dag_run_conf JSON NOT NULL,
	is_paused BOOLEAN,
	max_active_runs INTEGER NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	completed_at TIMESTAMP WITH TIME ZONE,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT backfill_pkey PRIMARY KEY (id)
)
--;
CREATE TABLE backfill_dag_run (
	id SERIAL NOT NULL,
	backfill_id INTEGER NOT NULL,
	dag_run_id INTEGER,
	sort_ordinal INTEGER NOT NULL,
	CONSTRAINT backfill_dag_run_pkey PRIMARY KEY (id),
	CONSTRAINT ix_bdr_backfill_id_dag_run_id UNIQUE (backfill_id, dag_run_id),
	CONSTRAINT bdr_backfill_fkey FOREIGN KEY(backfill_id) REFERENCES backfill (id) ON DELETE cascade,
	CONSTRAINT bdr_dag_run_fkey FOREIGN KEY(dag_run_id) REFERENCES dag_run (id) ON DELETE set null
)
--;
@revision 522625f6d606 16cbcb1c8c36 Remove redundant index.
--;
DROP INDEX idx_log_dag
--;
@revision 16cbcb1c8c36 44eabb1904b4 Update dag_run_note.user_id and task_instance_note.user_id columns to String.
--;
ALTER TABLE dag_run_note ALTER COLUMN user_id TYPE VARCHAR(128)
--;
ALTER TABLE task_instance_note ALTER COLUMN user_id TYPE VARCHAR(128)
--;
@revision 44eabb1904b4 0d9e73a75ee4 Add name and group fields to DatasetModel.
--;
DROP INDEX idx_name_unique
--;
CREATE UNIQUE INDEX idx_dataset_alias_name_unique ON dataset_alias (name)
--;
ALTER TABLE dataset ADD COLUMN name VARCHAR(1500)
--;
ALTER TABLE dataset ADD COLUMN "group" VARCHAR(1500)
--;
UPDATE dataset SET name = uri, "group" = 'asset'
--;
ALTER TABLE dataset ALTER COLUMN name SET NOT NULL
--;
ALTER TABLE dataset ALTER COLUMN uri TYPE VARCHAR(1500)
--;
ALTER TABLE dataset ALTER COLUMN uri SET NOT NULL
--;
ALTER TABLE dataset ALTER COLUMN "group" TYPE VARCHAR(1500)
--;
ALTER TABLE dataset ALTER COLUMN "group" SET NOT NULL
--;
DROP INDEX idx_uri_unique
--;
CREATE UNIQUE INDEX idx_dataset_name_uri_unique ON dataset (name, uri)
--;
@revision 0d9e73a75ee4 c3389cd7793f Add backfill to dag run model.
--;
ALTER TABLE dag_run ADD COLUMN backfill_id INTEGER
--;
ALTER TABLE dag_run ADD CONSTRAINT dag_run_backfill_id_fkey FOREIGN KEY(backfill_id) REFERENCES backfill (id)
--;
@revision c3389cd7793f 5a5d66100783 Add AssetActive to track orphaning instead of a flag.
--;
CREATE TABLE asset_active (
	name VARCHAR(1500) NOT NULL,
	uri VARCHAR(1500) NOT NULL,
	CONSTRAINT asset_active_pkey PRIMARY KEY (name, uri),
	CONSTRAINT asset_active_asset_name_uri_fkey FOREIGN KEY(name, uri) REFERENCES dataset (name, uri) ON DELETE CASCADE
)
--;
CREATE UNIQUE INDEX idx_asset_active_uri_unique ON asset_active (uri)
--;
CREATE UNIQUE INDEX idx_asset_active_name_unique ON asset_active (name)
--;
insert into asset_active (name, uri) select name, uri from dataset where is_orphaned = false
--;
ALTER TABLE dataset DROP COLUMN is_orphaned
--;
@revision 5a5d66100783 fb2d4922cd79 Tweak AssetAliasModel to match AssetModel after AIP-76.
--;
ALTER TABLE dataset_alias ALTER COLUMN name TYPE VARCHAR(1500)
--;
ALTER TABLE dataset_alias ALTER COLUMN name SET NOT NULL
--;
ALTER TABLE dataset_alias ADD COLUMN "group" VARCHAR(1500)
--;
UPDATE dataset_alias SET "group" = 'asset'
--;
ALTER TABLE dataset_alias ALTER COLUMN "group" TYPE VARCHAR(1500)
--;
ALTER TABLE dataset_alias ALTER COLUMN "group" SET NOT NULL
--;
@revision fb2d4922cd79 3a8972ecb8f9 Add exception_reason and logical_date to BackfillDagRun.
--;
ALTER TABLE backfill ADD COLUMN reprocess_behavior VARCHAR(250) NOT NULL
--;
ALTER TABLE backfill_dag_run ADD COLUMN exception_reason VARCHAR(250)
--;
ALTER TABLE backfill_dag_run ADD COLUMN logical_date TIMESTAMP WITH TIME ZONE NOT NULL
--;
@revision 3a8972ecb8f9 05234396c6fc Rename dataset as asset.
--;
ALTER TABLE dataset_alias_dataset DROP CONSTRAINT IF EXISTS dataset_alias_dataset_dataset_id_fkey
--;
ALTER TABLE dataset_alias_dataset DROP CONSTRAINT IF EXISTS dataset_alias_dataset_alias_id_fkey
--;
ALTER TABLE dataset_alias_dataset DROP CONSTRAINT IF EXISTS ds_dsa_alias_id
--;
ALTER TABLE dataset_alias_dataset DROP CONSTRAINT IF EXISTS ds_dsa_dataset_id
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT IF EXISTS dataset_alias_dataset_dataset_id_fkey
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT IF EXISTS dataset_alias_dataset_event_alias_id_fkey
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT IF EXISTS dataset_alias_dataset_event_event_id_fkey
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT IF EXISTS dss_de_alias_id
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT IF EXISTS dss_de_event_id
--;
ALTER TABLE dag_schedule_dataset_alias_reference DROP CONSTRAINT IF EXISTS dsdar_dag_id_fkey
--;
ALTER TABLE dag_schedule_dataset_alias_reference DROP CONSTRAINT IF EXISTS dsdar_dataset_alias_fkey
--;
ALTER TABLE dag_schedule_dataset_reference DROP CONSTRAINT IF EXISTS dsdr_dag_id_fkey
--;
ALTER TABLE dag_schedule_dataset_reference DROP CONSTRAINT IF EXISTS dsdr_dataset_fkey
--;
ALTER TABLE task_outlet_dataset_reference DROP CONSTRAINT IF EXISTS todr_dataset_fkey
--;
ALTER TABLE dataset_dag_run_queue DROP CONSTRAINT IF EXISTS ddrq_dag_fkey
--;
ALTER TABLE dataset_dag_run_queue DROP CONSTRAINT IF EXISTS ddrq_dataset_fkey
--;
ALTER TABLE dagrun_dataset_event DROP CONSTRAINT IF EXISTS dagrun_dataset_events_event_id_fkey
--;
ALTER TABLE dagrun_dataset_event DROP CONSTRAINT IF EXISTS dagrun_dataset_event_event_id_fkey
--;
ALTER TABLE dagrun_dataset_event DROP CONSTRAINT IF EXISTS dagrun_dataset_events_dag_run_id_fkey
--;
ALTER TABLE dagrun_dataset_event DROP CONSTRAINT IF EXISTS dagrun_dataset_event_dag_run_id_fkey
--;
ALTER TABLE dataset_alias_dataset RENAME TO asset_alias_asset
--;
ALTER TABLE dataset_alias_dataset_event RENAME TO asset_alias_asset_event
--;
ALTER TABLE dataset_alias RENAME TO asset_alias
--;
ALTER TABLE dataset RENAME TO asset
--;
ALTER TABLE dag_schedule_dataset_alias_reference RENAME TO dag_schedule_asset_alias_reference
--;
ALTER TABLE dag_schedule_dataset_reference RENAME TO dag_schedule_asset_reference
--;
ALTER TABLE task_outlet_dataset_reference RENAME TO task_outlet_asset_reference
--;
ALTER TABLE dataset_dag_run_queue RENAME TO asset_dag_run_queue
--;
ALTER TABLE dagrun_dataset_event RENAME TO dagrun_asset_event
--;
ALTER TABLE dataset_event RENAME TO asset_event
--;
ALTER TABLE asset_active DROP CONSTRAINT asset_active_asset_name_uri_fkey
--;
DROP INDEX idx_dataset_name_uri_unique
--;
CREATE UNIQUE INDEX idx_asset_name_uri_unique ON asset (name, uri)
--;
ALTER TABLE asset_active ADD CONSTRAINT asset_active_asset_name_uri_fkey FOREIGN KEY(name, uri) REFERENCES asset (name, uri) ON DELETE CASCADE
--;
ALTER TABLE asset_alias_asset DROP CONSTRAINT IF EXISTS dataset_alias_dataset_pkey
--;
ALTER TABLE asset_alias_asset DROP CONSTRAINT IF EXISTS asset_alias_asset_pkey
--;
ALTER TABLE asset_alias_asset ALTER COLUMN dataset_id TYPE INTEGER
--;
ALTER TABLE asset_alias_asset ALTER COLUMN dataset_id SET NOT NULL
--;
ALTER TABLE asset_alias_asset RENAME dataset_id TO asset_id
--;
ALTER TABLE asset_alias_asset ADD CONSTRAINT asset_alias_asset_pkey PRIMARY KEY (alias_id, asset_id)
--;
DROP INDEX idx_dataset_alias_dataset_alias_id
--;
CREATE INDEX idx_asset_alias_asset_alias_id ON asset_alias_asset (alias_id)
--;
ALTER TABLE asset_alias_asset ADD CONSTRAINT asset_alias_asset_alias_id_fkey FOREIGN KEY(alias_id) REFERENCES asset_alias (id) ON DELETE CASCADE
--;
DROP INDEX idx_dataset_alias_dataset_alias_dataset_id
--;
CREATE INDEX idx_asset_alias_asset_asset_id ON asset_alias_asset (asset_id)
--;
ALTER TABLE asset_alias_asset ADD CONSTRAINT asset_alias_asset_asset_id_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE
--;
DROP INDEX idx_dataset_alias_dataset_event_alias_id
--;
CREATE INDEX idx_asset_alias_asset_event_alias_id ON asset_alias_asset_event (alias_id)
--;
ALTER TABLE asset_alias_asset_event ADD CONSTRAINT asset_alias_asset_event_alias_id_fkey FOREIGN KEY(alias_id) REFERENCES asset_alias (id) ON DELETE CASCADE
--;
DROP INDEX idx_dataset_alias_dataset_event_event_id
--;
CREATE INDEX idx_asset_alias_asset_event_event_id ON asset_alias_asset_event (event_id)
--;
ALTER TABLE asset_alias_asset_event ADD CONSTRAINT asset_alias_asset_event_event_id_fkey FOREIGN KEY(event_id) REFERENCES asset_event (id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_asset_alias_reference DROP CONSTRAINT dsdar_pkey
--;
ALTER TABLE dag_schedule_asset_alias_reference ADD CONSTRAINT dsaar_pkey PRIMARY KEY (alias_id, dag_id)
--;
DROP INDEX idx_dag_schedule_dataset_alias_reference_dag_id
--;
CREATE INDEX idx_dag_schedule_asset_alias_reference_dag_id ON dag_schedule_asset_alias_reference (dag_id)
--;
ALTER TABLE dag_schedule_asset_alias_reference ADD CONSTRAINT dsaar_asset_alias_fkey FOREIGN KEY(alias_id) REFERENCES asset_alias (id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_asset_alias_reference ADD CONSTRAINT dsaar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_asset_reference ALTER COLUMN dataset_id TYPE INTEGER
--;
ALTER TABLE dag_schedule_asset_reference ALTER COLUMN dataset_id SET NOT NULL
--;
ALTER TABLE dag_schedule_asset_reference RENAME dataset_id TO asset_id
--;
ALTER TABLE dag_schedule_asset_reference DROP CONSTRAINT IF EXISTS dag_schedule_dataset_reference_pkey
--;
ALTER TABLE dag_schedule_asset_reference DROP CONSTRAINT IF EXISTS dsdr_pkey
--;
ALTER TABLE dag_schedule_asset_reference ADD CONSTRAINT dsar_pkey PRIMARY KEY (asset_id, dag_id)
--;
DROP INDEX idx_dag_schedule_dataset_reference_dag_id
--;
CREATE INDEX idx_dag_schedule_asset_reference_dag_id ON dag_schedule_asset_reference (dag_id)
--;
ALTER TABLE dag_schedule_asset_reference ADD CONSTRAINT dsar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_asset_reference ADD CONSTRAINT dsar_asset_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE
--;
ALTER TABLE task_outlet_asset_reference ALTER COLUMN dataset_id TYPE INTEGER
--;
ALTER TABLE task_outlet_asset_reference ALTER COLUMN dataset_id SET NOT NULL
--;
ALTER TABLE task_outlet_asset_reference RENAME dataset_id TO asset_id
--;
ALTER TABLE task_outlet_asset_reference DROP CONSTRAINT todr_dag_id_fkey
--;
ALTER TABLE task_outlet_asset_reference DROP CONSTRAINT IF EXISTS task_outlet_dataset_reference_pkey
--;
ALTER TABLE task_outlet_asset_reference DROP CONSTRAINT IF EXISTS todr_pkey
--;
ALTER TABLE task_outlet_asset_reference ADD CONSTRAINT toar_pkey PRIMARY KEY (asset_id, dag_id, task_id)
--;
DROP INDEX idx_task_outlet_dataset_reference_dag_id
--;
CREATE INDEX idx_task_outlet_asset_reference_dag_id ON task_outlet_asset_reference (dag_id)
--;
ALTER TABLE task_outlet_asset_reference ADD CONSTRAINT toar_asset_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE
--;
ALTER TABLE task_outlet_asset_reference ADD CONSTRAINT toar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE asset_dag_run_queue ALTER COLUMN dataset_id TYPE INTEGER
--;
ALTER TABLE asset_dag_run_queue ALTER COLUMN dataset_id SET NOT NULL
--;
ALTER TABLE asset_dag_run_queue RENAME dataset_id TO asset_id
--;
ALTER TABLE asset_dag_run_queue DROP CONSTRAINT IF EXISTS dataset_dag_run_queue_pkey
--;
ALTER TABLE asset_dag_run_queue DROP CONSTRAINT IF EXISTS datasetdagrunqueue_pkey
--;
ALTER TABLE asset_dag_run_queue ADD CONSTRAINT assetdagrunqueue_pkey PRIMARY KEY (asset_id, target_dag_id)
--;
DROP INDEX idx_dataset_dag_run_queue_target_dag_id
--;
CREATE INDEX idx_asset_dag_run_queue_target_dag_id ON asset_dag_run_queue (target_dag_id)
--;
ALTER TABLE asset_dag_run_queue ADD CONSTRAINT adrq_asset_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE
--;
ALTER TABLE asset_dag_run_queue ADD CONSTRAINT adrq_dag_fkey FOREIGN KEY(target_dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE dagrun_asset_event DROP CONSTRAINT IF EXISTS dagrun_dataset_events_pkey
--;
ALTER TABLE dagrun_asset_event DROP CONSTRAINT IF EXISTS dagrun_dataset_event_pkey
--;
DROP INDEX idx_dagrun_dataset_events_dag_run_id
--;
CREATE INDEX idx_dagrun_asset_events_dag_run_id ON dagrun_asset_event (dag_run_id)
--;
ALTER TABLE dagrun_asset_event ADD CONSTRAINT dagrun_asset_event_dag_run_id_fkey FOREIGN KEY(dag_run_id) REFERENCES dag_run (id) ON DELETE CASCADE
--;
DROP INDEX idx_dagrun_dataset_events_event_id
--;
CREATE INDEX idx_dagrun_asset_events_event_id ON dagrun_asset_event (event_id)
--;
ALTER TABLE dagrun_asset_event ADD CONSTRAINT dagrun_asset_event_event_id_fkey FOREIGN KEY(event_id) REFERENCES asset_event (id) ON DELETE CASCADE
--;
ALTER TABLE dagrun_asset_event ADD CONSTRAINT dagrun_asset_event_pkey PRIMARY KEY (event_id, dag_run_id)
--;
ALTER TABLE asset_event ALTER COLUMN dataset_id TYPE INTEGER
--;
ALTER TABLE asset_event ALTER COLUMN dataset_id SET NOT NULL
--;
ALTER TABLE asset_event RENAME dataset_id TO asset_id
--;
DROP INDEX idx_dataset_id_timestamp
--;
CREATE INDEX idx_asset_id_timestamp ON asset_event (asset_id, timestamp)
--;
DROP INDEX idx_dataset_alias_name_unique
--;
CREATE UNIQUE INDEX idx_asset_alias_name_unique ON asset_alias (name)
--;
ALTER TABLE dag ALTER COLUMN dataset_expression TYPE JSON
--;
ALTER TABLE dag RENAME dataset_expression TO asset_expression
--;
@revision 05234396c6fc d59cbbef95eb Add UUID primary key to ``task_instance`` table.
--;
ALTER TABLE task_instance ADD COLUMN id UUID
--;
DO $$
DECLARE
    pgcrypto_installed BOOLEAN;
BEGIN
    -- Check if pgcrypto is already installed
    pgcrypto_installed := EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pgcrypto');
    -- Attempt to create pgcrypto if it is not installed
    IF NOT pgcrypto_installed THEN
        BEGIN
            CREATE EXTENSION pgcrypto;
            pgcrypto_installed := TRUE;
            RAISE NOTICE 'pgcrypto extension successfully created.';
        EXCEPTION
            WHEN insufficient_privilege THEN
                RAISE NOTICE 'pgcrypto extension could not be installed due to insufficient privileges; using fallback';
                pgcrypto_installed := FALSE;
            WHEN OTHERS THEN
                RAISE NOTICE 'An unexpected error occurred while attempting to install pgcrypto; using fallback';
                pgcrypto_installed := FALSE;
        END;
    END IF;
END $$;
CREATE OR REPLACE FUNCTION uuid_generate_v7(p_timestamp timestamp with time zone)
RETURNS uuid
LANGUAGE plpgsql
PARALLEL SAFE
AS $$
DECLARE
    unix_time_ms CONSTANT bytea NOT NULL DEFAULT substring(int8send((extract(epoch FROM p_timestamp) * 1000)::bigint) from 3);
    buffer bytea;
    pgcrypto_installed BOOLEAN := EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pgcrypto');
BEGIN
    -- Use pgcrypto if available, otherwise use the fallback
    -- fallback from https://brandur.org/fragments/secure-bytes-without-pgcrypto
    IF pgcrypto_installed THEN
        buffer := unix_time_ms || gen_random_bytes(10);
    ELSE
        buffer := unix_time_ms || substring(uuid_send(gen_random_uuid()) FROM 1 FOR 5) ||
                  substring(uuid_send(gen_random_uuid()) FROM 12 FOR 5);
    END IF;
    -- Set UUID version and variant bits
    buffer := set_byte(buffer, 6, (b'0111' || get_byte(buffer, 6)::bit(4))::bit(8)::int);
    buffer := set_byte(buffer, 8, (b'10'   || get_byte(buffer, 8)::bit(6))::bit(8)::int);
    RETURN encode(buffer, 'hex')::uuid;
END
$$
--;
@loop task_instance_ids
--;
DROP FUNCTION IF EXISTS uuid_generate_v7(timestamp with time zone)
--;
ALTER TABLE IF EXISTS task_instance DROP CONSTRAINT task_instance_pkey CASCADE
--;
ALTER TABLE task_instance ALTER COLUMN id TYPE UUID
--;
ALTER TABLE task_instance ALTER COLUMN id SET NOT NULL
--;
ALTER TABLE task_instance ADD CONSTRAINT task_instance_composite_key UNIQUE (dag_id, task_id, run_id, map_index)
--;
ALTER TABLE task_instance ADD CONSTRAINT task_instance_pkey PRIMARY KEY (id)
--;
ALTER TABLE rendered_task_instance_fields ADD CONSTRAINT rtif_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
--;
ALTER TABLE task_fail ADD CONSTRAINT task_fail_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
--;
ALTER TABLE task_reschedule ADD CONSTRAINT task_reschedule_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
--;
ALTER TABLE xcom ADD CONSTRAINT xcom_task_instance_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
--;
ALTER TABLE task_instance_history ADD CONSTRAINT task_instance_history_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE ON UPDATE CASCADE
--;
ALTER TABLE task_map ADD CONSTRAINT task_map_task_instance_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE ON UPDATE CASCADE
--;
@revision d59cbbef95eb 486ac7936b78 remove scheduler_lock column.
--;
ALTER TABLE dag DROP COLUMN scheduler_lock
--;
@revision 486ac7936b78 5f57a45b8433 Drop task_fail table.
--;
DROP TABLE task_fail
--;
@revision 5f57a45b8433 d8cd3297971e Add last_heartbeat_at directly to TI.
--;
ALTER TABLE task_instance ADD COLUMN last_heartbeat_at TIMESTAMP WITH TIME ZONE
--;
DROP INDEX ti_job_id
--;
CREATE INDEX ti_heartbeat ON task_instance (last_heartbeat_at)
--;
ALTER TABLE task_instance DROP COLUMN job_id
--;
ALTER TABLE task_instance_history DROP COLUMN job_id
--;
@revision d8cd3297971e d03e4a635aa3 Drop DAG pickling.
--;
ALTER TABLE dag DROP COLUMN pickle_id
--;
ALTER TABLE dag DROP COLUMN last_pickled
--;
DROP TABLE dag_pickle
--;
@revision d03e4a635aa3 2b47dc6bc8df add dag versioning.
--;
delete from dag_code
--;
delete from serialized_dag
--;
CREATE TABLE dag_version (
	id UUID NOT NULL,
	version_number INTEGER NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dag_version_pkey PRIMARY KEY (id),
	CONSTRAINT dag_version_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE,
	CONSTRAINT dag_id_v_name_v_number_unique_constraint UNIQUE (dag_id, version_number)
)
--;
ALTER TABLE dag_code DROP CONSTRAINT dag_code_pkey
--;
ALTER TABLE dag_code DROP COLUMN fileloc_hash
--;
ALTER TABLE dag_code ADD COLUMN id UUID NOT NULL
--;
ALTER TABLE dag_code ADD CONSTRAINT dag_code_pkey PRIMARY KEY (id)
--;
ALTER TABLE dag_code ADD COLUMN dag_version_id UUID NOT NULL
--;
ALTER TABLE dag_code ADD COLUMN source_code_hash VARCHAR(32) NOT NULL
--;
ALTER TABLE dag_code ADD COLUMN dag_id VARCHAR(250) NOT NULL
--;
ALTER TABLE dag_code ADD COLUMN created_at TIMESTAMP WITH TIME ZONE NOT NULL
--;
ALTER TABLE dag_code ADD CONSTRAINT dag_code_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE CASCADE
--;
ALTER TABLE dag_code ADD CONSTRAINT dag_code_dag_version_id_uq UNIQUE (dag_version_id)
--;
ALTER TABLE serialized_dag DROP CONSTRAINT serialized_dag_pkey
--;
DROP INDEX idx_fileloc_hash
--;
ALTER TABLE serialized_dag DROP COLUMN fileloc_hash
--;
ALTER TABLE serialized_dag DROP COLUMN fileloc
--;
ALTER TABLE serialized_dag ADD COLUMN id UUID NOT NULL
--;
ALTER TABLE serialized_dag ADD COLUMN dag_version_id UUID NOT NULL
--;
ALTER TABLE serialized_dag ADD COLUMN created_at TIMESTAMP WITH TIME ZONE NOT NULL
--;
ALTER TABLE serialized_dag ADD CONSTRAINT serialized_dag_pkey PRIMARY KEY (id)
--;
ALTER TABLE serialized_dag ADD CONSTRAINT serialized_dag_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE CASCADE
--;
ALTER TABLE serialized_dag ADD CONSTRAINT serialized_dag_dag_version_id_uq UNIQUE (dag_version_id)
--;
ALTER TABLE task_instance ADD COLUMN dag_version_id UUID
--;
ALTER TABLE task_instance ADD CONSTRAINT task_instance_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE CASCADE
--;
ALTER TABLE task_instance_history ADD COLUMN dag_version_id UUID
--;
ALTER TABLE dag_run DROP COLUMN dag_hash
--;
ALTER TABLE dag_run ADD COLUMN created_dag_version_id UUID
--;
ALTER TABLE dag_run ADD CONSTRAINT created_dag_version_id_fkey FOREIGN KEY(created_dag_version_id) REFERENCES dag_version (id) ON DELETE SET NULL
--;
@revision 2b47dc6bc8df 9fc3fc5de720 Add references between assets and triggers.
--;
CREATE TABLE asset_trigger (
	trigger_id INTEGER NOT NULL,
	asset_id INTEGER NOT NULL,
	CONSTRAINT asset_trigger_pkey PRIMARY KEY (trigger_id, asset_id),
	CONSTRAINT asset_trigger_trigger_id_fkey FOREIGN KEY(trigger_id) REFERENCES trigger (id) ON DELETE CASCADE,
	CONSTRAINT asset_trigger_asset_id_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_asset_trigger_asset_id ON asset_trigger (asset_id)
--;
CREATE INDEX idx_asset_trigger_trigger_id ON asset_trigger (trigger_id)
--;
@revision 9fc3fc5de720 eed27faa34e3 Remove pickled data from xcom table.
--;
CREATE TABLE IF NOT EXISTS _xcom_archive (
	dag_run_id INTEGER NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	map_index INTEGER DEFAULT -1 NOT NULL,
	key VARCHAR(512) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	run_id VARCHAR(250) NOT NULL,
	value BYTEA,
	timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT _xcom_archive_pkey PRIMARY KEY (dag_run_id, task_id, map_index, key)
)
--;
@loop xcom_statement_timeout
--;
INSERT INTO _xcom_archive (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
            SELECT dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp
            FROM xcom
            WHERE value IS NOT NULL AND get_byte(value, 0) = 128
--;
DELETE FROM xcom WHERE value IS NOT NULL AND get_byte(value, 0) = 128
--;
UPDATE xcom
                SET value = convert_to(
                    regexp_replace(
                        convert_from(value, 'UTF8'),
                        -- Group 1 captures the preceding delimiter (:, comma, or [)
                        -- or ^ for a bare scalar value (the entire XCom value is just NaN).
                        -- A lookahead is used for the closing delimiter instead of a
                        -- consuming group so that consecutive tokens in an array
                        -- (e.g. [NaN, Infinity]) are each matched independently.
                        -- NaN and Infinity are done in the same query to avoid another table scan.
                        '([:,\[]\s*|^)(NaN|-?Infinity)(?=\s*[,}\]]|$)',
                        '\1"\2"',
                        'g'
                    ),
                    'UTF8'
                )
                WHERE value IS NOT NULL AND get_byte(value, 0) != 128
--;
ALTER TABLE xcom
            ALTER COLUMN value TYPE JSONB
            USING CASE
                WHEN value IS NOT NULL THEN CAST(CONVERT_FROM(value, 'UTF8') AS JSONB)
                ELSE NULL
            END
--;
@revision eed27faa34e3 e229247a6cb1 Add DagBundleModel.
--;
CREATE TABLE dag_bundle (
	name VARCHAR(250) NOT NULL,
	active BOOLEAN,
	version VARCHAR(200),
	last_refreshed TIMESTAMP WITH TIME ZONE,
	CONSTRAINT dag_bundle_pkey PRIMARY KEY (name)
)
--;
ALTER TABLE dag ADD COLUMN bundle_name VARCHAR(250)
--;
ALTER TABLE dag ADD COLUMN bundle_version VARCHAR(200)
--;
ALTER TABLE dag ADD CONSTRAINT dag_bundle_name_fkey FOREIGN KEY(bundle_name) REFERENCES dag_bundle (name)
--;
ALTER TABLE dag_run ADD COLUMN bundle_version VARCHAR(250)
--;
ALTER TABLE import_error ADD COLUMN bundle_name VARCHAR(250)
--;
ALTER TABLE dag_version ADD COLUMN bundle_name VARCHAR(250)
--;
ALTER TABLE dag_version ADD COLUMN bundle_version VARCHAR(250)
--;
@revision e229247a6cb1 038dc8bc6284 update trigger_timeout column in task_instance table to UTC.
--;
ALTER TABLE task_instance ALTER COLUMN trigger_timeout TYPE TIMESTAMP WITH TIME ZONE
--;
@revision 038dc8bc6284 237cef8dfea1 Add deadline alerts table.
--;
CREATE TABLE deadline (
	id UUID NOT NULL,
	dag_id VARCHAR(250),
	dagrun_id INTEGER,
	deadline TIMESTAMP WITHOUT TIME ZONE NOT NULL,
	callback VARCHAR(500) NOT NULL,
	callback_kwargs JSON,
	CONSTRAINT deadline_pkey PRIMARY KEY (id),
	CONSTRAINT deadline_dagrun_id_fkey FOREIGN KEY(dagrun_id) REFERENCES dag_run (id) ON DELETE CASCADE,
	CONSTRAINT deadline_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX deadline_idx ON deadline (deadline)
--;
@revision 237cef8dfea1 5c9c0231baa2 Remove processor_subdir.
--;
ALTER TABLE callback_request DROP COLUMN processor_subdir
--;
ALTER TABLE dag DROP COLUMN processor_subdir
--;
ALTER TABLE import_error DROP COLUMN processor_subdir
--;
ALTER TABLE serialized_dag DROP COLUMN processor_subdir
--;
@revision 5c9c0231baa2 38770795785f Add asset reference models.
--;
CREATE TABLE dag_schedule_asset_name_reference (
	name VARCHAR(1500) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dsanr_pkey PRIMARY KEY (name, dag_id),
	CONSTRAINT dsanr_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dag_schedule_asset_name_reference_dag_id ON dag_schedule_asset_name_reference (dag_id)
--;
CREATE TABLE dag_schedule_asset_uri_reference (
	uri VARCHAR(1500) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dsaur_pkey PRIMARY KEY (uri, dag_id),
	CONSTRAINT dsaur_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dag_schedule_asset_uri_reference_dag_id ON dag_schedule_asset_uri_reference (dag_id)
--;
@revision 38770795785f e39a26ac59f6 remove pickled data from dagrun table.
--;
ALTER TABLE dag_run ADD COLUMN conf_json JSONB
--;
@loop dag_run_conf_to_json
--;
ALTER TABLE dag_run DROP COLUMN conf
--;
ALTER TABLE dag_run RENAME conf_json TO conf
--;
@revision e39a26ac59f6 8ea135928435 Add relative fileloc column.
--;
ALTER TABLE dag ADD COLUMN relative_fileloc VARCHAR(2000)
--;
@revision 8ea135928435 33b04e4bfa19 add new task_instance field scheduled_dttm.
--;
ALTER TABLE task_instance ADD COLUMN scheduled_dttm TIMESTAMP WITH TIME ZONE
--;
ALTER TABLE task_instance_history ADD COLUMN scheduled_dttm TIMESTAMP WITH TIME ZONE
--;
@revision 33b04e4bfa19 6a9e7a527a88 Add DagRun run_after.
--;
ALTER TABLE dag_run ADD COLUMN run_after TIMESTAMP WITH TIME ZONE
--;
update dag_run set run_after = coalesce(data_interval_end, logical_date)
--;
ALTER TABLE dag_run ALTER COLUMN run_after SET NOT NULL
--;
CREATE INDEX idx_dag_run_run_after ON dag_run (run_after)
--;
@revision 6a9e7a527a88 e00344393f31 remove external_trigger field.
--;
ALTER TABLE dag_run DROP COLUMN external_trigger
--;
@revision e00344393f31 7645189f3479 Add try_id to TI and TIH.
--;
ALTER TABLE task_instance_history ADD COLUMN task_instance_id UUID
--;
ALTER TABLE task_instance_history ADD COLUMN try_id UUID
--;
@loop history_try_ids
--;
UPDATE task_instance_history SET task_instance_id = task_instance.id
            FROM task_instance
            WHERE task_instance_history.task_id = task_instance.task_id
            AND task_instance_history.dag_id = task_instance.dag_id
            AND task_instance_history.run_id = task_instance.run_id
            AND task_instance_history.map_index = task_instance.map_index
--;
ALTER TABLE task_instance_history ALTER COLUMN try_id SET NOT NULL
--;
ALTER TABLE task_instance_history DROP COLUMN id
--;
ALTER TABLE task_instance_history ALTER COLUMN task_instance_id SET NOT NULL
--;
ALTER TABLE task_instance_history ADD CONSTRAINT task_instance_history_pkey PRIMARY KEY (try_id)
--;
@revision 7645189f3479 cf87489a35df Use TI.id as primary key to TaskInstanceNote.
--;
ALTER TABLE task_instance_note ADD COLUMN ti_id UUID
--;
UPDATE task_instance_note SET ti_id = task_instance.id
            FROM task_instance
            WHERE task_instance_note.task_id = task_instance.task_id
            AND task_instance_note.dag_id = task_instance.dag_id
            AND task_instance_note.run_id = task_instance.run_id
            AND task_instance_note.map_index = task_instance.map_index
--;
ALTER TABLE task_instance_note ALTER COLUMN ti_id SET NOT NULL
--;
ALTER TABLE task_instance_note DROP CONSTRAINT task_instance_note_ti_fkey
--;
ALTER TABLE task_instance_note DROP CONSTRAINT task_instance_note_pkey
--;
ALTER TABLE task_instance_note DROP COLUMN map_index
--;
ALTER TABLE task_instance_note DROP COLUMN dag_id
--;
ALTER TABLE task_instance_note DROP COLUMN task_id
--;
ALTER TABLE task_instance_note DROP COLUMN run_id
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_pkey PRIMARY KEY (ti_id)
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_ti_fkey FOREIGN KEY(ti_id) REFERENCES task_instance (id) ON DELETE CASCADE
--;
@revision cf87489a35df 16f7f5ee874e Remove dag.default_view column.
--;
ALTER TABLE dag DROP COLUMN default_view
--;
@revision 16f7f5ee874e d469d27e2a64 Use ti_id as FK to TaskReschedule.
--;
ALTER TABLE task_reschedule ADD COLUMN ti_id UUID
--;
UPDATE task_reschedule SET ti_id = task_instance.id
            FROM task_instance
            WHERE task_reschedule.task_id = task_instance.task_id
            AND task_reschedule.dag_id = task_instance.dag_id
            AND task_reschedule.run_id = task_instance.run_id
            AND task_reschedule.map_index = task_instance.map_index
--;
ALTER TABLE task_reschedule ALTER COLUMN ti_id SET NOT NULL
--;
ALTER TABLE task_reschedule DROP CONSTRAINT task_reschedule_ti_fkey
--;
ALTER TABLE task_reschedule DROP CONSTRAINT task_reschedule_dr_fkey
--;
ALTER TABLE task_reschedule ADD CONSTRAINT task_reschedule_ti_fkey FOREIGN KEY(ti_id) REFERENCES task_instance (id) ON DELETE CASCADE
--;
DROP INDEX idx_task_reschedule_dag_run
--;
DROP INDEX idx_task_reschedule_dag_task_run
--;
ALTER TABLE task_reschedule DROP COLUMN map_index
--;
ALTER TABLE task_reschedule DROP COLUMN dag_id
--;
ALTER TABLE task_reschedule DROP COLUMN task_id
--;
ALTER TABLE task_reschedule DROP COLUMN run_id
--;
@revision d469d27e2a64 be2cc2f742cf Support bundles in DagPriorityParsingRequest.
--;
DELETE FROM dag_priority_parsing_request
--;
ALTER TABLE dag_priority_parsing_request ADD COLUMN bundle_name VARCHAR(250) NOT NULL
--;
ALTER TABLE dag_priority_parsing_request ADD COLUMN relative_fileloc VARCHAR(2000) NOT NULL
--;
ALTER TABLE dag_priority_parsing_request DROP COLUMN fileloc
--;
@revision be2cc2f742cf ec62e120484d Add new otel span fields.
--;
ALTER TABLE dag_run ADD COLUMN scheduled_by_job_id INTEGER
--;
ALTER TABLE dag_run ADD COLUMN context_carrier JSONB
--;
ALTER TABLE dag_run ADD COLUMN span_status VARCHAR(250) DEFAULT 'not_started' NOT NULL
--;
ALTER TABLE task_instance ADD COLUMN context_carrier JSONB
--;
ALTER TABLE task_instance ADD COLUMN span_status VARCHAR(250) DEFAULT 'not_started' NOT NULL
--;
ALTER TABLE task_instance_history ADD COLUMN context_carrier JSONB
--;
ALTER TABLE task_instance_history ADD COLUMN span_status VARCHAR(250) DEFAULT 'not_started' NOT NULL
--;
@revision ec62e120484d 0e9519b56710 Rename run_type from 'dataset_triggered' to 'asset_triggered' in dag_run table.
--;
update dag_run set run_type = 'asset_triggered' where run_type = 'dataset_triggered'
--;
@revision 0e9519b56710 959e216a3abb Rename ``is_active`` to ``is_stale`` column in ``dag`` table.
--;
ALTER TABLE dag ALTER COLUMN is_active TYPE BOOLEAN
--;
ALTER TABLE dag RENAME is_active TO is_stale
--;
UPDATE dag SET is_stale = NOT is_stale
--;
@revision 959e216a3abb 29ce7909c52b Change TI table to have unique UUID id/pk per attempt.
--;
CREATE INDEX idx_tih_dag_run ON task_instance_history (dag_id, run_id)
--;
ALTER TABLE task_instance_history DROP COLUMN task_instance_id
--;
ALTER TABLE task_instance_history RENAME try_id TO task_instance_id
--;
ALTER TABLE task_instance_note DROP CONSTRAINT task_instance_note_ti_fkey
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_ti_fkey FOREIGN KEY(ti_id) REFERENCES task_instance (id) ON DELETE CASCADE ON UPDATE CASCADE
--;
ALTER TABLE task_reschedule DROP COLUMN try_number
--;
@revision 29ce7909c52b fe199e1abd77 Delete import errors.
--;
DELETE FROM import_error
--;
@revision fe199e1abd77 dfee8bd5d574 Add Deadline to Dag.
--;
ALTER TABLE dag ADD COLUMN deadline JSON
--;
@revision dfee8bd5d574 0242ac120002 Rename Deadline column in the Deadline table from deadline to deadline_time and change its type from DateTime to UTC DateTime.
--;
DROP INDEX deadline_idx
--;
ALTER TABLE deadline ALTER COLUMN deadline TYPE TIMESTAMP WITH TIME ZONE
--;
ALTER TABLE deadline RENAME deadline TO deadline_time
--;
CREATE INDEX deadline_time_idx ON deadline (deadline_time)
--;
@revision 0242ac120002 3ac9e5732b1f Change the on-delete behaviour of task_instance.dag_version_id foreign key constraint to RESTRICT.
--;
ALTER TABLE task_instance DROP CONSTRAINT task_instance_dag_version_id_fkey
--;
ALTER TABLE task_instance ADD CONSTRAINT task_instance_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE RESTRICT
--;
@revision 3ac9e5732b1f 583e80dfcef4 Add task_inlet_asset_reference table.
--;
CREATE TABLE task_inlet_asset_reference (
	asset_id INTEGER NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT tiar_pkey PRIMARY KEY (asset_id, dag_id, task_id),
	CONSTRAINT tiar_asset_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE,
	CONSTRAINT tiar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_task_inlet_asset_reference_dag_id ON task_inlet_asset_reference (dag_id)
--;
@revision 583e80dfcef4 66a7743fe20e Add triggering user to dag_run.
--;
ALTER TABLE backfill ADD COLUMN triggering_user_name VARCHAR(512)
--;
ALTER TABLE dag_run ADD COLUMN triggering_user_name VARCHAR(512)
--;
@revision 66a7743fe20e ffdb0566c7c0 Add dag_favorite table.
--;
CREATE TABLE dag_favorite (
	user_id VARCHAR(250) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	CONSTRAINT dag_favorite_pkey PRIMARY KEY (user_id, dag_id),
	CONSTRAINT dag_favorite_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
@revision ffdb0566c7c0 40f7c30a228b Add Human In the Loop Detail table.
--;
CREATE TABLE hitl_detail (
	ti_id UUID NOT NULL,
	options JSON NOT NULL,
	subject TEXT NOT NULL,
	body TEXT,
	defaults JSON,
	multiple BOOLEAN,
	params JSON NOT NULL,
	assignees JSON,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	responded_at TIMESTAMP WITH TIME ZONE,
	responded_by JSON,
	chosen_options JSON,
	params_input JSON NOT NULL,
	CONSTRAINT hitl_detail_pkey PRIMARY KEY (ti_id),
	CONSTRAINT hitl_detail_ti_fkey FOREIGN KEY(ti_id) REFERENCES task_instance (id) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
@revision 40f7c30a228b 09fa89ba1710 Add trigger_id to deadline.
--;
ALTER TABLE deadline ADD COLUMN trigger_id INTEGER
--;
ALTER TABLE deadline ADD CONSTRAINT deadline_trigger_id_fkey FOREIGN KEY(trigger_id) REFERENCES trigger (id)
--;
@revision 09fa89ba1710 f56f68b9e02f Add callback_state to deadline.
--;
ALTER TABLE deadline ADD COLUMN callback_state VARCHAR(20)
--;
DROP INDEX deadline_time_idx
--;
CREATE INDEX deadline_callback_state_time_idx ON deadline (callback_state, deadline_time)
--;
@revision f56f68b9e02f 3bda03debd04 Add url template and template params to DagBundleModel.
--;
ALTER TABLE dag_bundle ADD COLUMN signed_url_template VARCHAR(200)
--;
ALTER TABLE dag_bundle ADD COLUMN template_params JSON
--;
@revision 3bda03debd04 808787349f22 Modify deadline's callback schema.
--;
ALTER TABLE deadline ADD COLUMN callback_new JSON
--;
ALTER TABLE deadline DROP COLUMN callback
--;
ALTER TABLE deadline DROP COLUMN callback_kwargs
--;
ALTER TABLE deadline ALTER COLUMN callback_new SET NOT NULL
--;
ALTER TABLE deadline RENAME callback_new TO callback
--;
@revision 808787349f22 a169942745c2 Remove dag_id from Deadline.
--;
ALTER TABLE deadline DROP CONSTRAINT deadline_dag_id_fkey
--;
ALTER TABLE deadline DROP COLUMN dag_id
--;
@revision a169942745c2 7582ea3f3dd5 Make bundle_name not nullable.
--;
INSERT INTO dag_bundle (name) VALUES
                    ('example_dags'),
                    ('dags-folder')
                ON CONFLICT (name) DO NOTHING
--;
UPDATE dag
                SET bundle_name =
                    CASE
                        WHEN fileloc LIKE '%/airflow/example_dags/%' THEN 'example_dags'
                        ELSE 'dags-folder'
                    END
                WHERE bundle_name IS NULL
--;
ALTER TABLE dag DROP CONSTRAINT dag_bundle_name_fkey
--;
ALTER TABLE dag ALTER COLUMN bundle_name SET NOT NULL
--;
ALTER TABLE dag_bundle ALTER COLUMN name SET NOT NULL
--;
ALTER TABLE dag ADD CONSTRAINT dag_bundle_name_fkey FOREIGN KEY(bundle_name) REFERENCES dag_bundle (name)
--;
@revision 7582ea3f3dd5 a3c7f2b18d4e Add tables to store teams and associations with dag bundles.
--;
CREATE TABLE team (
	id UUID NOT NULL,
	name VARCHAR(50) NOT NULL,
	CONSTRAINT team_pkey PRIMARY KEY (id),
	CONSTRAINT team_name_uq UNIQUE (name)
)
--;
CREATE TABLE dag_bundle_team (
	dag_bundle_name VARCHAR(250) NOT NULL,
	team_id UUID NOT NULL,
	CONSTRAINT dag_bundle_team_pkey PRIMARY KEY (dag_bundle_name, team_id),
	CONSTRAINT dag_bundle_team_dag_bundle_name_fkey FOREIGN KEY(dag_bundle_name) REFERENCES dag_bundle (name) ON DELETE CASCADE,
	CONSTRAINT dag_bundle_team_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dag_bundle_team_team_id ON dag_bundle_team (team_id)
--;
CREATE UNIQUE INDEX idx_dag_bundle_team_dag_bundle_name ON dag_bundle_team (dag_bundle_name)
--;
ALTER TABLE connection ADD COLUMN team_id UUID
--;
ALTER TABLE connection ADD CONSTRAINT connection_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id)
--;
ALTER TABLE variable ADD COLUMN team_id UUID
--;
ALTER TABLE variable ADD CONSTRAINT variable_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id)
--;
ALTER TABLE slot_pool ADD COLUMN team_id UUID
--;
ALTER TABLE slot_pool ADD CONSTRAINT slot_pool_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id)
--;
@revision a3c7f2b18d4e eaf332f43c7c add last_parse_duration to dag model.
--;
ALTER TABLE dag ADD COLUMN last_parse_duration FLOAT
--;
@revision eaf332f43c7c cc92b33c6709 Add backward compatibility for serialized DAG format v3 to v2.
--;
@revision cc92b33c6709 82dbd68e6171 Add composite index (ti_id, id DESC) to task_reschedule.
--;
CREATE INDEX idx_task_reschedule_ti_id_id_desc ON task_reschedule (ti_id, id DESC)
--;
@revision 82dbd68e6171 509b94a1042d Change ``signed_url_template`` from VARCHAR(200) to TEXT.
--;
ALTER TABLE dag_bundle ALTER COLUMN signed_url_template TYPE TEXT
--;
@revision 509b94a1042d 15d84ca19038 replace asset_trigger table with asset_watcher.
--;
DROP TABLE IF EXISTS asset_trigger
--;
CREATE TABLE asset_watcher (
	name VARCHAR(1500) NOT NULL,
	asset_id INTEGER NOT NULL,
	trigger_id INTEGER NOT NULL,
	CONSTRAINT asset_watcher_pkey PRIMARY KEY (asset_id, trigger_id),
	CONSTRAINT awm_asset_id_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE,
	CONSTRAINT awm_trigger_id_fkey FOREIGN KEY(trigger_id) REFERENCES trigger (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_awm_trigger_id ON asset_watcher (trigger_id)
--;
@revision 15d84ca19038 ab6dc0c82d0e Change ``serialized_dag`` data column to JSONB for PostgreSQL.
--;
ALTER TABLE serialized_dag
            ALTER COLUMN data TYPE JSONB
            USING data::JSONB
--;
@revision ab6dc0c82d0e 1b2c3d4e5f6g Add length to dag_bundle_team.dag_bundle_name.
--;
ALTER TABLE dag_bundle_team ALTER COLUMN dag_bundle_name TYPE VARCHAR(250)
--;
@revision 1b2c3d4e5f6g 5cc8117e9285 Add Human In the Loop Detail History table.
--;
CREATE TABLE hitl_detail_history (
	ti_history_id UUID NOT NULL,
	options JSON NOT NULL,
	subject TEXT NOT NULL,
	body TEXT,
	defaults JSON,
	multiple BOOLEAN,
	params JSON NOT NULL,
	assignees JSON,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	responded_at TIMESTAMP WITH TIME ZONE,
	responded_by JSON,
	chosen_options JSON,
	params_input JSON NOT NULL,
	CONSTRAINT hitl_detail_history_pkey PRIMARY KEY (ti_history_id),
	CONSTRAINT hitl_detail_history_tih_fkey FOREIGN KEY(ti_history_id) REFERENCES task_instance_history (task_instance_id) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
@revision 5cc8117e9285 69ddce9a7247 Add ``fail_fast`` column to dag table.
--;
ALTER TABLE dag ADD COLUMN fail_fast BOOLEAN DEFAULT '0' NOT NULL
--;
@revision 69ddce9a7247 b87d2135fa50 Restructure callback table.
--;
DELETE FROM callback_request
--;
ALTER TABLE callback_request RENAME TO callback
--;
ALTER TABLE callback ADD COLUMN type VARCHAR(20) NOT NULL
--;
ALTER TABLE callback ADD COLUMN fetch_method VARCHAR(20) NOT NULL
--;
ALTER TABLE callback ADD COLUMN data JSONB NOT NULL
--;
ALTER TABLE callback ADD COLUMN state VARCHAR(10)
--;
ALTER TABLE callback ADD COLUMN output TEXT
--;
ALTER TABLE callback ADD COLUMN trigger_id INTEGER
--;
ALTER TABLE callback ADD CONSTRAINT callback_trigger_id_fkey FOREIGN KEY(trigger_id) REFERENCES trigger (id)
--;
ALTER TABLE callback DROP COLUMN id
--;
ALTER TABLE callback ADD COLUMN id UUID NOT NULL
--;
ALTER TABLE callback ADD CONSTRAINT callback_pkey PRIMARY KEY (id)
--;
ALTER TABLE callback DROP COLUMN callback_data
--;
ALTER TABLE callback DROP COLUMN callback_type
--;
@revision b87d2135fa50 e812941398f4 Replace deadline's inline callback fields with foreign key to callback table.
--;
ALTER TABLE deadline ADD COLUMN missed BOOLEAN
--;
ALTER TABLE deadline ADD COLUMN callback_id UUID
--;
WITH batch AS (
                    SELECT
                        d.id AS deadline_id,
                        gen_random_uuid() AS callback_id,
                        COALESCE(dr.dag_id, '') AS dag_id,
                        COALESCE(d.callback::jsonb->'__data__'->>'path', '') AS cb_path,
                        COALESCE(NULLIF(d.callback::jsonb->'__data__'->'kwargs', 'null'::jsonb), '{}'::jsonb) AS cb_kwargs,
                        CASE
                            WHEN d.callback_state IN ('success', 'failed') THEN d.callback_state
                            ELSE 'pending'
                        END AS cb_state,
                        COALESCE(d.callback_state IN ('success', 'failed'), FALSE) AS missed
                    FROM deadline d
                    LEFT JOIN dag_run dr ON d.dagrun_id = dr.id
                    WHERE d.id > '00000000-0000-0000-0000-000000000000'
                    ORDER BY d.id
                    LIMIT 10000
                ),
                ins AS (
                    INSERT INTO callback (id, type, fetch_method, data, state, priority_weight, created_at)
                    SELECT
                        b.callback_id,
                        'triggerer',
                        'import_path',
                        json_build_object(
                            '__var', json_build_object(
                                'path', b.cb_path,
                                'kwargs', b.cb_kwargs,
                                'prefix', 'deadline_alerts',
                                'dag_id', b.dag_id
                            ),
                            '__type', 'dict'
                        )::json,
                        b.cb_state,
                        1,
                        '2026-11-23T06:18:56.424246+00:00'::timestamptz
                    FROM batch b
                )
                UPDATE deadline d
                SET callback_id = b.callback_id,
                    missed = b.missed
                FROM batch b
                WHERE d.id = b.deadline_id
                RETURNING d.id
--;
ALTER TABLE deadline ALTER COLUMN missed SET NOT NULL
--;
ALTER TABLE deadline ALTER COLUMN callback_id SET NOT NULL
--;
CREATE INDEX deadline_missed_deadline_time_idx ON deadline (missed, deadline_time)
--;
CREATE INDEX deadline_callback_id_idx ON deadline (callback_id)
--;
DROP INDEX deadline_callback_state_time_idx
--;
ALTER TABLE deadline ADD CONSTRAINT deadline_callback_id_fkey FOREIGN KEY(callback_id) REFERENCES callback (id) ON DELETE CASCADE
--;
ALTER TABLE deadline DROP CONSTRAINT deadline_trigger_id_fkey
--;
ALTER TABLE deadline DROP COLUMN callback
--;
ALTER TABLE deadline DROP COLUMN trigger_id
--;
ALTER TABLE deadline DROP COLUMN callback_state
--;
@revision e812941398f4 665854ef0536 Update ORM for asset partitioning.
--;
CREATE TABLE partitioned_asset_key_log (
	id SERIAL NOT NULL,
	asset_id INTEGER NOT NULL,
	asset_event_id INTEGER NOT NULL,
	asset_partition_dag_run_id INTEGER NOT NULL,
	source_partition_key VARCHAR(250) NOT NULL,
	target_dag_id VARCHAR(250) NOT NULL,
	target_partition_key VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT partitioned_asset_key_log_pkey PRIMARY KEY (id)
)
--;
CREATE TABLE asset_partition_dag_run (
	id SERIAL NOT NULL,
	target_dag_id VARCHAR(250) NOT NULL,
	created_dag_run_id INTEGER,
	partition_key VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT asset_partition_dag_run_pkey PRIMARY KEY (id),
	CONSTRAINT apdr_created_dag_run_id_fkey FOREIGN KEY(created_dag_run_id) REFERENCES dag_run (id) ON DELETE CASCADE
)
--;
ALTER TABLE asset_event ADD COLUMN partition_key VARCHAR(250)
--;
ALTER TABLE dag_run ADD COLUMN partition_key VARCHAR(250)
--;
@revision 665854ef0536 b12d4f98a91e Drop ``id`` column from ``team`` table and make ``name`` the primary key.
--;
ALTER TABLE connection DROP CONSTRAINT connection_team_id_fkey
--;
ALTER TABLE variable DROP CONSTRAINT variable_team_id_fkey
--;
ALTER TABLE slot_pool DROP CONSTRAINT slot_pool_team_id_fkey
--;
ALTER TABLE dag_bundle_team DROP CONSTRAINT dag_bundle_team_team_id_fkey
--;
DROP INDEX idx_dag_bundle_team_team_id
--;
ALTER TABLE connection ALTER COLUMN team_id TYPE VARCHAR(50)
--;
ALTER TABLE connection ALTER COLUMN team_id DROP NOT NULL
--;
ALTER TABLE connection RENAME team_id TO team_name
--;
ALTER TABLE variable ALTER COLUMN team_id TYPE VARCHAR(50)
--;
ALTER TABLE variable ALTER COLUMN team_id DROP NOT NULL
--;
ALTER TABLE variable RENAME team_id TO team_name
--;
ALTER TABLE slot_pool ALTER COLUMN team_id TYPE VARCHAR(50)
--;
ALTER TABLE slot_pool ALTER COLUMN team_id DROP NOT NULL
--;
ALTER TABLE slot_pool RENAME team_id TO team_name
--;
ALTER TABLE dag_bundle_team ALTER COLUMN team_id TYPE VARCHAR(50)
--;
ALTER TABLE dag_bundle_team ALTER COLUMN team_id SET NOT NULL
--;
ALTER TABLE dag_bundle_team RENAME team_id TO team_name
--;
ALTER TABLE team DROP CONSTRAINT team_pkey
--;
ALTER TABLE team DROP CONSTRAINT team_name_uq
--;
ALTER TABLE team DROP COLUMN id
--;
ALTER TABLE team ADD CONSTRAINT team_pkey PRIMARY KEY (name)
--;
CREATE INDEX idx_dag_bundle_team_team_name ON dag_bundle_team (team_name)
--;
ALTER TABLE dag_bundle_team ADD CONSTRAINT dag_bundle_team_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE CASCADE
--;
ALTER TABLE connection ADD CONSTRAINT connection_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE SET NULL
--;
ALTER TABLE variable ADD CONSTRAINT variable_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE SET NULL
--;
ALTER TABLE slot_pool ADD CONSTRAINT slot_pool_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE SET NULL
--;
@revision b12d4f98a91e edc4f85a4619 Enforce the new ``NOT NULL`` expectations for ``log.event`` and ``dag.is_stale``.
--;
UPDATE log SET event = '' WHERE event IS NULL
--;
UPDATE dag SET is_stale = false WHERE is_stale IS NULL
--;
ALTER TABLE log ALTER COLUMN event SET NOT NULL
--;
ALTER TABLE dag ALTER COLUMN is_stale SET NOT NULL
--;
@revision edc4f85a4619 c47f2e1ab9d4 Add ``queue`` column to ``trigger`` table.
--;
ALTER TABLE trigger ADD COLUMN queue VARCHAR(256)
--;
@revision c47f2e1ab9d4 0b112f49112d Add exceeds max runs flag to dag model.
--;
ALTER TABLE dag ADD COLUMN exceeds_max_non_backfill BOOLEAN DEFAULT '0' NOT NULL
--;
@revision 0b112f49112d e79fc784f145 add timetable_type to dag table for filtering.
--;
ALTER TABLE dag ADD COLUMN timetable_type VARCHAR(255)
--;
UPDATE dag SET timetable_type = '' WHERE timetable_type IS NULL
--;
ALTER TABLE dag ALTER COLUMN timetable_type SET NOT NULL
--;
@revision e79fc784f145 55297ae24532 Add required fields to enable UI integrations for the Deadline Alerts feature.
--;
CREATE TABLE deadline_alert (
	id UUID NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	serialized_dag_id UUID NOT NULL,
	name VARCHAR(250),
	description TEXT,
	reference JSON NOT NULL,
	interval FLOAT NOT NULL,
	callback_def JSON NOT NULL,
	CONSTRAINT deadline_alert_pkey PRIMARY KEY (id)
)
--;
ALTER TABLE deadline ADD COLUMN deadline_alert_id UUID
--;
ALTER TABLE deadline ADD COLUMN created_at TIMESTAMP WITH TIME ZONE
--;
ALTER TABLE deadline ADD COLUMN last_updated_at TIMESTAMP WITH TIME ZONE
--;
ALTER TABLE deadline ADD CONSTRAINT deadline_deadline_alert_id_fkey FOREIGN KEY(deadline_alert_id) REFERENCES deadline_alert (id) ON DELETE SET NULL
--;
UPDATE deadline
            SET created_at = '2026-11-23T06:18:56.535562+00:00'::timestamptz, last_updated_at = '2026-11-23T06:18:56.535562+00:00'::timestamptz
            WHERE created_at IS NULL OR last_updated_at IS NULL
--;
ALTER TABLE deadline ALTER COLUMN created_at SET NOT NULL
--;
ALTER TABLE deadline ALTER COLUMN last_updated_at SET NOT NULL
--;
ALTER TABLE deadline_alert ADD CONSTRAINT deadline_alert_serialized_dag_id_fkey FOREIGN KEY(serialized_dag_id) REFERENCES serialized_dag (id) ON DELETE CASCADE
--;
CREATE INDEX tmp_deadline_dagrun_id_idx ON deadline (dagrun_id)
--;
@loop deadline_alerts
--;
DROP INDEX tmp_deadline_dagrun_id_idx
--;
@revision 55297ae24532 a5a3e5eb9b8d Make external_executor_id TEXT to allow for longer external_executor_ids.
--;
ALTER TABLE task_instance ALTER COLUMN external_executor_id TYPE TEXT
--;
ALTER TABLE task_instance_history ALTER COLUMN external_executor_id TYPE TEXT
--;
@revision a5a3e5eb9b8d 53ff648b8a26 Add revoked_token table.
--;
CREATE TABLE revoked_token (
	jti VARCHAR(32) NOT NULL,
	exp TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT revoked_token_pkey PRIMARY KEY (jti)
)
--;
CREATE INDEX idx_revoked_token_exp ON revoked_token (exp)
--;
@revision 53ff648b8a26 f8c9d7e6b5a4 Standardize UUID column format for non-PostgreSQL databases.
--;
@revision f8c9d7e6b5a4 e42d9fcd10d9 Add allowed_run_types to dag.
--;
ALTER TABLE dag ADD COLUMN allowed_run_types JSON
--;
@revision e42d9fcd10d9 134de42d3cb0 Add partition_key to backfill_dag_run.
--;
ALTER TABLE dag_run ADD COLUMN created_at TIMESTAMP WITH TIME ZONE
--;
ALTER TABLE backfill_dag_run ADD COLUMN partition_key VARCHAR(250)
--;
ALTER TABLE backfill_dag_run ALTER COLUMN logical_date DROP NOT NULL
--;
@revision 134de42d3cb0 6222ce48e289 Add partition fields to DagModel.
--;
ALTER TABLE dag ADD COLUMN timetable_partitioned BOOLEAN DEFAULT '0' NOT NULL
--;
ALTER TABLE dag ADD COLUMN next_dagrun_partition_key VARCHAR(255)
--;
ALTER TABLE dag ADD COLUMN next_dagrun_partition_date TIMESTAMP WITH TIME ZONE
--;
ALTER TABLE dag_run ADD COLUMN partition_date TIMESTAMP WITH TIME ZONE
--;
@revision 6222ce48e289 888b59e02a5b Fix migration file ORM inconsistencies.
--;
UPDATE connection SET is_encrypted = FALSE WHERE is_encrypted IS NULL
--;
UPDATE connection SET is_extra_encrypted = FALSE WHERE is_extra_encrypted IS NULL
--;
UPDATE dag SET is_paused = FALSE WHERE is_paused IS NULL
--;
UPDATE slot_pool SET slots = 0 WHERE slots IS NULL
--;
UPDATE task_instance SET try_number = 0 WHERE try_number IS NULL
--;
UPDATE task_instance SET max_tries = -1 WHERE max_tries IS NULL
--;
UPDATE variable SET val = '' WHERE val IS NULL
--;
UPDATE variable SET is_encrypted = FALSE WHERE is_encrypted IS NULL
--;
UPDATE variable SET key = '__airflow_var_fix_888b59e02a5b_' || id WHERE key IS NULL
--;
ALTER TABLE connection ALTER COLUMN is_encrypted SET NOT NULL
--;
ALTER TABLE connection ALTER COLUMN is_extra_encrypted SET NOT NULL
--;
ALTER TABLE dag ALTER COLUMN is_paused SET NOT NULL
--;
ALTER TABLE slot_pool ALTER COLUMN slots SET NOT NULL
--;
ALTER TABLE task_instance ALTER COLUMN try_number SET NOT NULL
--;
ALTER TABLE task_instance ALTER COLUMN max_tries SET NOT NULL
--;
ALTER TABLE variable ALTER COLUMN key SET NOT NULL
--;
ALTER TABLE variable ALTER COLUMN val SET NOT NULL
--;
ALTER TABLE variable ALTER COLUMN is_encrypted SET NOT NULL
--;
@revision 888b59e02a5b 1d6611b6ab7c Add bundle_name to callback table.
--;
ALTER TABLE callback ADD COLUMN bundle_name VARCHAR(250)
--;
SELECT callback.id, callback.data
FROM callback
WHERE callback.type = 'dag_processor'
--;
@revision 6709f7a774b9 02ca36b0235b Fix fab db inconsistencies.
--;
CREATE UNIQUE INDEX IF NOT EXISTS idx_ab_user_username ON ab_user (lower(username::text))
--;
CREATE UNIQUE INDEX IF NOT EXISTS idx_ab_register_user_username ON ab_register_user (lower(username::text))
--;
CREATE INDEX idx_permission_view_id ON ab_permission_view_role (permission_view_id)
--;
CREATE INDEX idx_role_id ON ab_permission_view_role (role_id)
--;
ALTER TABLE ab_permission_view_role DROP CONSTRAINT ab_permission_view_role_role_id_fkey
--;
ALTER TABLE ab_permission_view_role DROP CONSTRAINT ab_permission_view_role_permission_view_id_fkey
--;
ALTER TABLE ab_permission_view_role ADD CONSTRAINT ab_permission_view_role_permission_view_id_fkey FOREIGN KEY(permission_view_id) REFERENCES ab_permission_view (id) ON DELETE CASCADE
--;
ALTER TABLE ab_permission_view_role ADD CONSTRAINT ab_permission_view_role_role_id_fkey FOREIGN KEY(role_id) REFERENCES ab_role (id) ON DELETE CASCADE
--;
DO $$
    DECLARE r record;
    BEGIN
        FOR r IN
            SELECT DISTINCT tc.constraint_name
            FROM information_schema.table_constraints tc
            JOIN information_schema.key_column_usage kcu
                ON tc.constraint_name = kcu.constraint_name
                AND tc.table_schema = kcu.table_schema
            WHERE tc.table_name = 'ab_register_user'
                AND tc.constraint_type = 'UNIQUE'
                AND kcu.column_name = 'email'
        LOOP
            EXECUTE 'ALTER TABLE ' || quote_ident('ab_register_user')
                || ' DROP CONSTRAINT IF EXISTS ' || quote_ident(r.constraint_name);
        END LOOP;
    END $$
--;
ALTER TABLE ab_register_user ADD CONSTRAINT ab_register_user_email_uq UNIQUE (email)
--;
ALTER TABLE ab_user_role DROP CONSTRAINT ab_user_role_role_id_fkey
--;
ALTER TABLE ab_user_role DROP CONSTRAINT ab_user_role_user_id_fkey
--;
ALTER TABLE ab_user_role ADD CONSTRAINT ab_user_role_role_id_fkey FOREIGN KEY(role_id) REFERENCES ab_role (id) ON DELETE CASCADE
--;
ALTER TABLE ab_user_role ADD CONSTRAINT ab_user_role_user_id_fkey FOREIGN KEY(user_id) REFERENCES ab_user (id) ON DELETE CASCADE
--;
ALTER TABLE ab_permission_view ALTER COLUMN permission_id SET NOT NULL
--;
ALTER TABLE ab_permission_view ALTER COLUMN view_menu_id SET NOT NULL
