-- What `airflow db downgrade` sends, revision by revision.
-- Recorded from Apache Airflow 3.2.2 (and its FAB provider) by scripts/make_standin_schema.py; not written by hand.
-- Apache Airflow is licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
-- Statements are separated by a line holding only `--;`.
@revision 02ca36b0235b 6709f7a774b9 Fix fab db inconsistencies.
--;
DROP INDEX IF EXISTS idx_ab_register_user_username
--;
DROP INDEX IF EXISTS idx_ab_user_username
--;
ALTER TABLE "ab_register_user" DROP CONSTRAINT IF EXISTS "ab_register_user_email_uq"
--;
DROP INDEX IF EXISTS idx_role_id
--;
DROP INDEX IF EXISTS idx_permission_view_id
--;
ALTER TABLE ab_permission_view ALTER COLUMN view_menu_id DROP NOT NULL
--;
ALTER TABLE ab_permission_view ALTER COLUMN permission_id DROP NOT NULL
--;
@revision 1d6611b6ab7c 888b59e02a5b Add bundle_name to callback table.
--;
ALTER TABLE callback DROP COLUMN bundle_name
--;
@revision 888b59e02a5b 6222ce48e289 Fix migration file ORM inconsistencies.
--;
ALTER TABLE variable ALTER COLUMN is_encrypted DROP NOT NULL
--;
ALTER TABLE variable ALTER COLUMN val DROP NOT NULL
--;
ALTER TABLE variable ALTER COLUMN key DROP NOT NULL
--;
ALTER TABLE task_instance ALTER COLUMN max_tries DROP NOT NULL
--;
ALTER TABLE task_instance ALTER COLUMN try_number DROP NOT NULL
--;
ALTER TABLE slot_pool ALTER COLUMN slots DROP NOT NULL
--;
ALTER TABLE dag ALTER COLUMN is_paused DROP NOT NULL
--;
ALTER TABLE connection ALTER COLUMN is_extra_encrypted DROP NOT NULL
--;
ALTER TABLE connection ALTER COLUMN is_encrypted DROP NOT NULL
--;
@revision 6222ce48e289 134de42d3cb0 Add partition fields to DagModel.
--;
ALTER TABLE dag DROP COLUMN timetable_partitioned
--;
ALTER TABLE dag DROP COLUMN next_dagrun_partition_key
--;
ALTER TABLE dag DROP COLUMN next_dagrun_partition_date
--;
ALTER TABLE dag_run DROP COLUMN partition_date
--;
UPDATE dag SET next_dagrun = NULL, next_dagrun_create_after = NULL, next_dagrun_data_interval_start = NULL, next_dagrun_data_interval_end = NULL
--;
@revision 134de42d3cb0 e42d9fcd10d9 Add partition_key to backfill_dag_run.
--;
DELETE FROM backfill_dag_run WHERE logical_date IS NULL
--;
ALTER TABLE backfill_dag_run ALTER COLUMN logical_date SET NOT NULL
--;
ALTER TABLE backfill_dag_run DROP COLUMN partition_key
--;
ALTER TABLE dag_run DROP COLUMN created_at
--;
@revision e42d9fcd10d9 f8c9d7e6b5a4 Add allowed_run_types to dag.
--;
ALTER TABLE dag DROP COLUMN allowed_run_types
--;
@revision f8c9d7e6b5a4 53ff648b8a26 Standardize UUID column format for non-PostgreSQL databases.
--;
@revision 53ff648b8a26 a5a3e5eb9b8d Add revoked_token table.
--;
DROP TABLE revoked_token
--;
@revision a5a3e5eb9b8d 55297ae24532 Make external_executor_id TEXT to allow for longer external_executor_ids.
--;
ALTER TABLE task_instance_history
            ALTER
            COLUMN external_executor_id TYPE VARCHAR(250)
            USING CASE
                WHEN external_executor_id IS NOT NULL THEN external_executor_id::VARCHAR(250)
                ELSE NULL
            END
--;
ALTER TABLE task_instance
            ALTER
            COLUMN external_executor_id TYPE VARCHAR(250)
            USING CASE
                WHEN external_executor_id IS NOT NULL THEN external_executor_id::VARCHAR(250)
                ELSE NULL
            END
--;
@revision 55297ae24532 e79fc784f145 Add required fields to enable UI integrations for the Deadline Alerts feature.
--;
@loop deadline_alerts_back
--;
ALTER TABLE deadline DROP CONSTRAINT deadline_deadline_alert_id_fkey
--;
ALTER TABLE deadline DROP COLUMN deadline_alert_id
--;
ALTER TABLE deadline DROP COLUMN last_updated_at
--;
ALTER TABLE deadline DROP COLUMN created_at
--;
ALTER TABLE deadline_alert DROP CONSTRAINT deadline_alert_serialized_dag_id_fkey
--;
DROP TABLE deadline_alert
--;
@revision e79fc784f145 0b112f49112d add timetable_type to dag table for filtering.
--;
ALTER TABLE dag DROP COLUMN timetable_type
--;
@revision 0b112f49112d c47f2e1ab9d4 Add exceeds max runs flag to dag model.
--;
ALTER TABLE dag DROP COLUMN exceeds_max_non_backfill
--;
@revision c47f2e1ab9d4 edc4f85a4619 Add ``queue`` column to ``trigger`` table.
--;
ALTER TABLE trigger DROP COLUMN queue
--;
@revision edc4f85a4619 b12d4f98a91e Enforce the new ``NOT NULL`` expectations for ``log.event`` and ``dag.is_stale``.
--;
ALTER TABLE log ALTER COLUMN event DROP NOT NULL
--;
ALTER TABLE dag ALTER COLUMN is_stale DROP NOT NULL
--;
@revision b12d4f98a91e 665854ef0536 Drop ``id`` column from ``team`` table and make ``name`` the primary key.
--;
ALTER TABLE connection DROP CONSTRAINT connection_team_name_fkey
--;
ALTER TABLE variable DROP CONSTRAINT variable_team_name_fkey
--;
ALTER TABLE slot_pool DROP CONSTRAINT slot_pool_team_name_fkey
--;
ALTER TABLE dag_bundle_team DROP CONSTRAINT dag_bundle_team_team_name_fkey
--;
DROP INDEX idx_dag_bundle_team_team_name
--;
ALTER TABLE team DROP CONSTRAINT team_pkey
--;
ALTER TABLE team ADD COLUMN id VARCHAR(36)
--;
ALTER TABLE team ADD CONSTRAINT team_name_uq UNIQUE (name)
--;
SELECT name FROM team
--;
ALTER TABLE team ALTER COLUMN id SET NOT NULL
--;
ALTER TABLE team ADD CONSTRAINT team_pkey PRIMARY KEY (id)
--;
ALTER TABLE connection ALTER COLUMN team_name TYPE VARCHAR(36)
--;
ALTER TABLE connection ALTER COLUMN team_name DROP NOT NULL
--;
ALTER TABLE connection RENAME team_name TO team_id
--;
ALTER TABLE variable ALTER COLUMN team_name TYPE VARCHAR(36)
--;
ALTER TABLE variable ALTER COLUMN team_name DROP NOT NULL
--;
ALTER TABLE variable RENAME team_name TO team_id
--;
ALTER TABLE slot_pool ALTER COLUMN team_name TYPE VARCHAR(36)
--;
ALTER TABLE slot_pool ALTER COLUMN team_name DROP NOT NULL
--;
ALTER TABLE slot_pool RENAME team_name TO team_id
--;
ALTER TABLE dag_bundle_team ALTER COLUMN team_name TYPE VARCHAR(36)
--;
ALTER TABLE dag_bundle_team ALTER COLUMN team_name SET NOT NULL
--;
ALTER TABLE dag_bundle_team RENAME team_name TO team_id
--;
UPDATE connection SET team_id = (SELECT id FROM team WHERE name = connection.team_id) WHERE team_id IS NOT NULL
--;
UPDATE variable SET team_id = (SELECT id FROM team WHERE name = variable.team_id) WHERE team_id IS NOT NULL
--;
UPDATE slot_pool SET team_id = (SELECT id FROM team WHERE name = slot_pool.team_id) WHERE team_id IS NOT NULL
--;
UPDATE dag_bundle_team SET team_id = (SELECT id FROM team WHERE name = dag_bundle_team.team_id)
--;
ALTER TABLE connection ADD CONSTRAINT connection_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id)
--;
ALTER TABLE variable ADD CONSTRAINT variable_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id)
--;
ALTER TABLE slot_pool ADD CONSTRAINT slot_pool_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id)
--;
CREATE INDEX idx_dag_bundle_team_team_id ON dag_bundle_team (team_id)
--;
ALTER TABLE dag_bundle_team ADD CONSTRAINT dag_bundle_team_team_id_fkey FOREIGN KEY(team_id) REFERENCES team (id) ON DELETE CASCADE
--;
@revision 665854ef0536 e812941398f4 Update ORM for asset partitioning.
--;
ALTER TABLE dag_run DROP COLUMN partition_key
--;
ALTER TABLE asset_event DROP COLUMN partition_key
--;
DROP TABLE partitioned_asset_key_log
--;
DROP TABLE asset_partition_dag_run
--;
@revision e812941398f4 b87d2135fa50 Replace deadline's inline callback fields with foreign key to callback table.
--;
ALTER TABLE deadline ADD COLUMN callback_state VARCHAR(20)
--;
ALTER TABLE deadline ADD COLUMN trigger_id INTEGER
--;
ALTER TABLE deadline ADD COLUMN callback JSON
--;
ALTER TABLE deadline ALTER COLUMN callback_id DROP NOT NULL
--;
ALTER TABLE deadline DROP CONSTRAINT deadline_callback_id_fkey
--;
SELECT id FROM deadline
                WHERE callback_id IS NOT NULL AND id > '00000000-0000-0000-0000-000000000000'
                ORDER BY id
                OFFSET 9999 LIMIT 1
--;
UPDATE deadline d
                    SET callback = json_build_object(
                            '__data__', json_build_object(
                                'path', c.data::jsonb->'__var'->>'path',
                                'kwargs', c.data::jsonb->'__var'->'kwargs'
                            ),
                            '__classname__', 'airflow.sdk.definitions.deadline.AsyncCallback',
                            '__version__', 0
                        )::json,
                        callback_state = CASE
                            WHEN c.state IN ('success', 'failed') THEN c.state
                            ELSE NULL
                        END,
                        trigger_id = NULL,
                        callback_id = NULL
                    FROM callback c
                    WHERE c.id = d.callback_id
                      AND d.callback_id IS NOT NULL
                      AND d.id > '00000000-0000-0000-0000-000000000000'
--;
DELETE FROM callback WHERE id NOT IN (SELECT callback_id FROM deadline WHERE callback_id IS NOT NULL)
--;
ALTER TABLE deadline ALTER COLUMN callback SET NOT NULL
--;
ALTER TABLE deadline ADD CONSTRAINT deadline_trigger_id_fkey FOREIGN KEY(trigger_id) REFERENCES trigger (id)
--;
DROP INDEX deadline_missed_deadline_time_idx
--;
CREATE INDEX deadline_callback_state_time_idx ON deadline (callback_state, deadline_time)
--;
DROP INDEX deadline_callback_id_idx
--;
ALTER TABLE deadline DROP COLUMN callback_id
--;
ALTER TABLE deadline DROP COLUMN missed
--;
@revision b87d2135fa50 69ddce9a7247 Restructure callback table.
--;
DELETE FROM callback
--;
ALTER TABLE callback ADD COLUMN callback_type VARCHAR(20) NOT NULL
--;
ALTER TABLE callback ADD COLUMN callback_data JSONB NOT NULL
--;
ALTER TABLE callback DROP COLUMN id
--;
ALTER TABLE callback ADD COLUMN id INTEGER NOT NULL
--;
ALTER TABLE callback ADD CONSTRAINT callback_request_pkey PRIMARY KEY (id)
--;
ALTER TABLE callback DROP CONSTRAINT callback_trigger_id_fkey
--;
ALTER TABLE callback DROP COLUMN trigger_id
--;
ALTER TABLE callback DROP COLUMN output
--;
ALTER TABLE callback DROP COLUMN state
--;
ALTER TABLE callback DROP COLUMN data
--;
ALTER TABLE callback DROP COLUMN fetch_method
--;
ALTER TABLE callback DROP COLUMN type
--;
ALTER TABLE callback RENAME TO callback_request
--;
CREATE SEQUENCE IF NOT EXISTS callback_request_id_seq
--;
ALTER TABLE callback_request ALTER COLUMN id SET NOT NULL
--;
ALTER TABLE callback_request ALTER COLUMN id SET DEFAULT nextval('callback_request_id_seq')
--;
ALTER SEQUENCE callback_request_id_seq OWNED BY callback_request.id
--;
SELECT setval('callback_request_id_seq', COALESCE((SELECT MAX(id) FROM callback_request), 1), (SELECT MAX(id) IS NOT NULL FROM callback_request))
--;
@revision 69ddce9a7247 5cc8117e9285 Add ``fail_fast`` column to dag table.
--;
ALTER TABLE dag DROP COLUMN fail_fast
--;
@revision 5cc8117e9285 1b2c3d4e5f6g Add Human In the Loop Detail History table.
--;
DROP TABLE hitl_detail_history
--;
@revision 1b2c3d4e5f6g ab6dc0c82d0e Add length to dag_bundle_team.dag_bundle_name.
--;
ALTER TABLE dag_bundle_team ALTER COLUMN dag_bundle_name TYPE VARCHAR(250)
--;
@revision ab6dc0c82d0e 15d84ca19038 Change ``serialized_dag`` data column to JSONB for PostgreSQL.
--;
ALTER TABLE serialized_dag
            ALTER COLUMN data TYPE JSON
            USING data::JSON
--;
@revision 15d84ca19038 509b94a1042d replace asset_trigger table with asset_watcher.
--;
DROP TABLE asset_watcher
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
@revision 509b94a1042d 82dbd68e6171 Change ``signed_url_template`` from VARCHAR(200) to TEXT.
--;
ALTER TABLE dag_bundle ALTER COLUMN signed_url_template TYPE VARCHAR(200)
--;
@revision 82dbd68e6171 cc92b33c6709 Add composite index (ti_id, id DESC) to task_reschedule.
--;
DROP INDEX idx_task_reschedule_ti_id_id_desc
--;
@revision cc92b33c6709 eaf332f43c7c Add backward compatibility for serialized DAG format v3 to v2.
--;
UPDATE serialized_dag
                SET data = jsonb_set(
                    (data::jsonb - 'client_defaults'),
                    '{__version}',
                    '2'
                )::json
                WHERE id IN (
                    SELECT id FROM serialized_dag
                    WHERE data->>'__version' = '3'
                    AND data_compressed IS NULL
                )
--;
SELECT id, data_compressed
                FROM serialized_dag
                WHERE data_compressed IS NOT NULL
--;
@revision eaf332f43c7c a3c7f2b18d4e add last_parse_duration to dag model.
--;
ALTER TABLE dag DROP COLUMN last_parse_duration
--;
@revision a3c7f2b18d4e 7582ea3f3dd5 Add tables to store teams and associations with dag bundles.
--;
ALTER TABLE connection DROP CONSTRAINT connection_team_id_fkey
--;
ALTER TABLE connection DROP COLUMN team_id
--;
ALTER TABLE variable DROP CONSTRAINT variable_team_id_fkey
--;
ALTER TABLE variable DROP COLUMN team_id
--;
ALTER TABLE slot_pool DROP CONSTRAINT slot_pool_team_id_fkey
--;
ALTER TABLE slot_pool DROP COLUMN team_id
--;
DROP TABLE dag_bundle_team
--;
DROP TABLE team
--;
@revision 7582ea3f3dd5 a169942745c2 Make bundle_name not nullable.
--;
ALTER TABLE dag DROP CONSTRAINT dag_bundle_name_fkey
--;
ALTER TABLE dag ALTER COLUMN bundle_name DROP NOT NULL
--;
ALTER TABLE dag ADD CONSTRAINT dag_bundle_name_fkey FOREIGN KEY(bundle_name) REFERENCES dag_bundle (name)
--;
@revision a169942745c2 808787349f22 Remove dag_id from Deadline.
--;
ALTER TABLE deadline ADD COLUMN dag_id VARCHAR(250)
--;
ALTER TABLE deadline ADD CONSTRAINT deadline_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
@revision 808787349f22 3bda03debd04 Modify deadline's callback schema.
--;
ALTER TABLE deadline ADD COLUMN callback_old VARCHAR(500)
--;
ALTER TABLE deadline ADD COLUMN callback_kwargs JSON
--;
@loop deadline_callbacks_back
--;
ALTER TABLE deadline DROP COLUMN callback
--;
ALTER TABLE deadline ALTER COLUMN callback_old SET NOT NULL
--;
ALTER TABLE deadline RENAME callback_old TO callback
--;
@revision 3bda03debd04 f56f68b9e02f Add url template and template params to DagBundleModel.
--;
ALTER TABLE dag_bundle DROP COLUMN template_params
--;
ALTER TABLE dag_bundle DROP COLUMN signed_url_template
--;
@revision f56f68b9e02f 09fa89ba1710 Add callback_state to deadline.
--;
DROP INDEX deadline_callback_state_time_idx
--;
CREATE INDEX deadline_time_idx ON deadline (deadline_time)
--;
ALTER TABLE deadline DROP COLUMN callback_state
--;
@revision 09fa89ba1710 40f7c30a228b Add trigger_id to deadline.
--;
ALTER TABLE deadline DROP CONSTRAINT deadline_trigger_id_fkey
--;
ALTER TABLE deadline DROP COLUMN trigger_id
--;
@revision 40f7c30a228b ffdb0566c7c0 Add Human In the Loop Detail table.
--;
DROP TABLE hitl_detail
--;
@revision ffdb0566c7c0 66a7743fe20e Add dag_favorite table.
--;
DROP TABLE dag_favorite
--;
@revision 66a7743fe20e 583e80dfcef4 Add triggering user to dag_run.
--;
ALTER TABLE dag_run DROP COLUMN triggering_user_name
--;
ALTER TABLE backfill DROP COLUMN triggering_user_name
--;
@revision 583e80dfcef4 3ac9e5732b1f Add task_inlet_asset_reference table.
--;
DROP TABLE task_inlet_asset_reference
--;
@revision 3ac9e5732b1f 0242ac120002 Change the on-delete behaviour of task_instance.dag_version_id foreign key constraint to RESTRICT.
--;
ALTER TABLE task_instance DROP CONSTRAINT task_instance_dag_version_id_fkey
--;
ALTER TABLE task_instance ADD CONSTRAINT task_instance_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE CASCADE
--;
@revision 0242ac120002 dfee8bd5d574 Rename Deadline column in the Deadline table from deadline to deadline_time and change its type from DateTime to UTC DateTime.
--;
DROP INDEX deadline_time_idx
--;
ALTER TABLE deadline ALTER COLUMN deadline_time TYPE TIMESTAMP WITHOUT TIME ZONE
--;
ALTER TABLE deadline RENAME deadline_time TO deadline
--;
CREATE INDEX deadline_idx ON deadline (deadline)
--;
@revision dfee8bd5d574 fe199e1abd77 Add Deadline to Dag.
--;
ALTER TABLE dag DROP COLUMN deadline
--;
@revision fe199e1abd77 29ce7909c52b Delete import errors.
--;
@revision 29ce7909c52b 959e216a3abb Change TI table to have unique UUID id/pk per attempt.
--;
ALTER TABLE task_reschedule ADD COLUMN try_number INTEGER DEFAULT '1' NOT NULL
--;
ALTER TABLE task_instance_note DROP CONSTRAINT task_instance_note_ti_fkey
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_ti_fkey FOREIGN KEY(ti_id) REFERENCES task_instance (id) ON DELETE CASCADE
--;
ALTER TABLE task_instance_history RENAME task_instance_id TO try_id
--;
DROP INDEX idx_tih_dag_run
--;
ALTER TABLE task_instance_history ADD COLUMN task_instance_id UUID
--;
@revision 959e216a3abb 0e9519b56710 Rename ``is_active`` to ``is_stale`` column in ``dag`` table.
--;
ALTER TABLE dag ALTER COLUMN is_stale TYPE BOOLEAN
--;
ALTER TABLE dag RENAME is_stale TO is_active
--;
UPDATE dag SET is_active = NOT is_active
--;
@revision 0e9519b56710 ec62e120484d Rename run_type from 'dataset_triggered' to 'asset_triggered' in dag_run table.
--;
update dag_run set run_type = 'dataset_triggered' where run_type = 'asset_triggered'
--;
@revision ec62e120484d be2cc2f742cf Add new otel span fields.
--;
ALTER TABLE dag_run DROP COLUMN scheduled_by_job_id
--;
ALTER TABLE dag_run DROP COLUMN context_carrier
--;
ALTER TABLE dag_run DROP COLUMN span_status
--;
ALTER TABLE task_instance DROP COLUMN context_carrier
--;
ALTER TABLE task_instance DROP COLUMN span_status
--;
ALTER TABLE task_instance_history DROP COLUMN context_carrier
--;
ALTER TABLE task_instance_history DROP COLUMN span_status
--;
@revision be2cc2f742cf d469d27e2a64 Support bundles in DagPriorityParsingRequest.
--;
DELETE FROM dag_priority_parsing_request
--;
ALTER TABLE dag_priority_parsing_request ADD COLUMN fileloc VARCHAR(2000) NOT NULL
--;
ALTER TABLE dag_priority_parsing_request DROP COLUMN relative_fileloc
--;
ALTER TABLE dag_priority_parsing_request DROP COLUMN bundle_name
--;
@revision d469d27e2a64 16f7f5ee874e Use ti_id as FK to TaskReschedule.
--;
ALTER TABLE task_reschedule DROP CONSTRAINT task_reschedule_ti_fkey
--;
ALTER TABLE task_reschedule ADD COLUMN run_id VARCHAR(250)
--;
ALTER TABLE task_reschedule ADD COLUMN task_id VARCHAR(250)
--;
ALTER TABLE task_reschedule ADD COLUMN dag_id VARCHAR(250)
--;
ALTER TABLE task_reschedule ADD COLUMN map_index INTEGER DEFAULT -1 NOT NULL
--;
UPDATE task_reschedule
                SET dag_id = task_instance.dag_id,
                    task_id = task_instance.task_id,
                    run_id = task_instance.run_id,
                    map_index = task_instance.map_index
                FROM task_instance
                WHERE task_reschedule.ti_id = task_instance.id
--;
ALTER TABLE task_reschedule DROP COLUMN ti_id
--;
ALTER TABLE task_reschedule ALTER COLUMN run_id SET NOT NULL
--;
ALTER TABLE task_reschedule ALTER COLUMN task_id SET NOT NULL
--;
ALTER TABLE task_reschedule ALTER COLUMN dag_id SET NOT NULL
--;
ALTER TABLE task_reschedule ALTER COLUMN map_index SET NOT NULL
--;
ALTER TABLE task_reschedule ADD CONSTRAINT task_reschedule_dr_fkey FOREIGN KEY(dag_id, run_id) REFERENCES dag_run (dag_id, run_id) ON DELETE CASCADE
--;
ALTER TABLE task_reschedule ADD CONSTRAINT task_reschedule_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
--;
CREATE INDEX idx_task_reschedule_dag_task_run ON task_reschedule (dag_id, task_id, run_id, map_index)
--;
CREATE INDEX idx_task_reschedule_dag_run ON task_reschedule (dag_id, run_id)
--;
@revision 16f7f5ee874e cf87489a35df Remove dag.default_view column.
--;
ALTER TABLE dag ADD COLUMN default_view VARCHAR(25)
--;
@revision cf87489a35df 7645189f3479 Use TI.id as primary key to TaskInstanceNote.
--;
ALTER TABLE task_instance_note ADD COLUMN dag_id VARCHAR(250)
--;
ALTER TABLE task_instance_note ADD COLUMN task_id VARCHAR(250)
--;
ALTER TABLE task_instance_note ADD COLUMN run_id VARCHAR(250)
--;
ALTER TABLE task_instance_note ADD COLUMN map_index INTEGER DEFAULT -1
--;
UPDATE task_instance_note
            SET dag_id = task_instance.dag_id,
                task_id = task_instance.task_id,
                run_id = task_instance.run_id,
                map_index = task_instance.map_index
            FROM task_instance
            WHERE task_instance_note.ti_id = task_instance.id
--;
ALTER TABLE task_instance_note DROP CONSTRAINT task_instance_note_ti_fkey
--;
ALTER TABLE task_instance_note DROP CONSTRAINT task_instance_note_pkey
--;
ALTER TABLE task_instance_note DROP COLUMN ti_id
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
--;
ALTER TABLE task_instance_note ALTER COLUMN map_index SET NOT NULL
--;
ALTER TABLE task_instance_note ALTER COLUMN run_id SET NOT NULL
--;
ALTER TABLE task_instance_note ALTER COLUMN task_id SET NOT NULL
--;
ALTER TABLE task_instance_note ALTER COLUMN dag_id SET NOT NULL
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_pkey PRIMARY KEY (dag_id, task_id, run_id, map_index)
--;
@revision 7645189f3479 e00344393f31 Add try_id to TI and TIH.
--;
ALTER TABLE task_instance_history DROP CONSTRAINT task_instance_history_pkey
--;
ALTER TABLE task_instance_history ADD COLUMN id INTEGER
--;
ALTER TABLE task_instance_history DROP COLUMN task_instance_id
--;
ALTER TABLE task_instance_history ADD COLUMN row_num SERIAL;
            UPDATE task_instance_history SET id = row_num;
            ALTER TABLE task_instance_history DROP COLUMN row_num
--;
CREATE SEQUENCE IF NOT EXISTS task_instance_history_id_seq OWNED BY task_instance_history.id
--;
SELECT setval('task_instance_history_id_seq', COALESCE((SELECT MAX(id) FROM task_instance_history), 1), true)
--;
ALTER TABLE task_instance_history ALTER COLUMN id SET DEFAULT nextval('task_instance_history_id_seq')
--;
ALTER TABLE task_instance_history ALTER COLUMN id SET NOT NULL
--;
ALTER TABLE task_instance_history DROP COLUMN try_id
--;
ALTER TABLE task_instance_history ADD CONSTRAINT task_instance_history_pkey PRIMARY KEY (id)
--;
@revision e00344393f31 6a9e7a527a88 remove external_trigger field.
--;
ALTER TABLE dag_run ADD COLUMN external_trigger BOOLEAN
--;
UPDATE dag_run SET external_trigger=CASE WHEN (dag_run.run_type = 'manual') THEN true ELSE false END
--;
@revision 6a9e7a527a88 33b04e4bfa19 Add DagRun run_after.
--;
DROP INDEX idx_dag_run_run_after
--;
ALTER TABLE dag_run DROP COLUMN run_after
--;
@revision 33b04e4bfa19 8ea135928435 add new task_instance field scheduled_dttm.
--;
ALTER TABLE task_instance_history DROP COLUMN scheduled_dttm
--;
ALTER TABLE task_instance DROP COLUMN scheduled_dttm
--;
@revision 8ea135928435 e39a26ac59f6 Add relative fileloc column.
--;
ALTER TABLE dag DROP COLUMN relative_fileloc
--;
@revision e39a26ac59f6 38770795785f remove pickled data from dagrun table.
--;
ALTER TABLE dag_run ADD COLUMN conf_pickle BYTEA
--;
@loop dag_run_conf_to_pickle
--;
ALTER TABLE dag_run DROP COLUMN conf
--;
ALTER TABLE dag_run RENAME conf_pickle TO conf
--;
@revision 38770795785f 5c9c0231baa2 Add asset reference models.
--;
DROP TABLE dag_schedule_asset_name_reference
--;
DROP TABLE dag_schedule_asset_uri_reference
--;
@revision 5c9c0231baa2 237cef8dfea1 Remove processor_subdir.
--;
ALTER TABLE serialized_dag ADD COLUMN processor_subdir VARCHAR(2000)
--;
ALTER TABLE import_error ADD COLUMN processor_subdir VARCHAR(2000)
--;
ALTER TABLE dag ADD COLUMN processor_subdir VARCHAR(2000)
--;
ALTER TABLE callback_request ADD COLUMN processor_subdir VARCHAR(2000)
--;
@revision 237cef8dfea1 038dc8bc6284 Add deadline alerts table.
--;
DROP TABLE deadline
--;
@revision 038dc8bc6284 e229247a6cb1 update trigger_timeout column in task_instance table to UTC.
--;
ALTER TABLE task_instance ALTER COLUMN trigger_timeout TYPE TIMESTAMP WITHOUT TIME ZONE
--;
@revision e229247a6cb1 eed27faa34e3 Add DagBundleModel.
--;
ALTER TABLE dag DROP CONSTRAINT dag_bundle_name_fkey
--;
ALTER TABLE dag DROP COLUMN bundle_version
--;
ALTER TABLE dag DROP COLUMN bundle_name
--;
ALTER TABLE dag_run DROP COLUMN bundle_version
--;
ALTER TABLE import_error DROP COLUMN bundle_name
--;
ALTER TABLE dag_version DROP COLUMN bundle_version
--;
ALTER TABLE dag_version DROP COLUMN bundle_name
--;
DROP TABLE dag_bundle
--;
@revision eed27faa34e3 9fc3fc5de720 Remove pickled data from xcom table.
--;
ALTER TABLE xcom
            ALTER COLUMN value TYPE BYTEA
            USING CASE
                WHEN value IS NOT NULL THEN CONVERT_TO(value::TEXT, 'UTF8')
                ELSE NULL
            END
--;
DROP TABLE IF EXISTS _xcom_archive
--;
@revision 9fc3fc5de720 2b47dc6bc8df Add references between assets and triggers.
--;
DROP TABLE asset_trigger
--;
@revision 2b47dc6bc8df d03e4a635aa3 add dag versioning.
--;
ALTER TABLE task_instance DROP CONSTRAINT task_instance_dag_version_id_fkey
--;
ALTER TABLE task_instance DROP COLUMN dag_version_id
--;
ALTER TABLE task_instance_history DROP COLUMN dag_version_id
--;
ALTER TABLE dag_run ADD COLUMN dag_hash VARCHAR(32)
--;
ALTER TABLE dag_run DROP CONSTRAINT created_dag_version_id_fkey
--;
ALTER TABLE dag_run DROP COLUMN created_dag_version_id
--;
delete from dag_code
--;
delete from serialized_dag
--;
ALTER TABLE dag_code DROP CONSTRAINT dag_code_pkey
--;
ALTER TABLE dag_code DROP CONSTRAINT dag_code_dag_version_id_fkey
--;
ALTER TABLE dag_code ADD COLUMN fileloc_hash BIGINT
--;
ALTER TABLE dag_code ADD CONSTRAINT dag_code_pkey PRIMARY KEY (fileloc_hash)
--;
ALTER TABLE dag_code DROP COLUMN source_code_hash
--;
ALTER TABLE dag_code DROP COLUMN created_at
--;
ALTER TABLE dag_code DROP COLUMN id
--;
ALTER TABLE dag_code DROP COLUMN dag_version_id
--;
ALTER TABLE dag_code DROP COLUMN dag_id
--;
ALTER TABLE serialized_dag DROP COLUMN id
--;
ALTER TABLE serialized_dag DROP CONSTRAINT serialized_dag_dag_version_id_fkey
--;
ALTER TABLE serialized_dag DROP COLUMN created_at
--;
ALTER TABLE serialized_dag DROP COLUMN dag_version_id
--;
ALTER TABLE serialized_dag ADD COLUMN fileloc VARCHAR(2000) NOT NULL
--;
ALTER TABLE serialized_dag ADD COLUMN fileloc_hash BIGINT NOT NULL
--;
CREATE INDEX idx_fileloc_hash ON serialized_dag (fileloc_hash)
--;
ALTER TABLE serialized_dag ADD CONSTRAINT serialized_dag_pkey PRIMARY KEY (dag_id)
--;
DROP TABLE dag_version
--;
@revision d03e4a635aa3 d8cd3297971e Drop DAG pickling.
--;
ALTER TABLE dag ADD COLUMN last_pickled TIMESTAMP WITHOUT TIME ZONE
--;
ALTER TABLE dag ADD COLUMN pickle_id INTEGER
--;
CREATE TABLE dag_pickle (
	id SERIAL NOT NULL,
	pickle BYTEA,
	created_dttm TIMESTAMP WITH TIME ZONE,
	pickle_hash BIGINT,
	CONSTRAINT dag_pickle_pkey PRIMARY KEY (id)
)
--;
@revision d8cd3297971e 5f57a45b8433 Add last_heartbeat_at directly to TI.
--;
ALTER TABLE task_instance ADD COLUMN job_id INTEGER
--;
DROP INDEX ti_heartbeat
--;
CREATE INDEX ti_job_id ON task_instance (job_id)
--;
ALTER TABLE task_instance DROP COLUMN last_heartbeat_at
--;
ALTER TABLE task_instance_history ADD COLUMN job_id INTEGER
--;
@revision 5f57a45b8433 486ac7936b78 Drop task_fail table.
--;
CREATE TABLE task_fail (
	id SERIAL NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	run_id VARCHAR(250) NOT NULL,
	map_index INTEGER DEFAULT -1 NOT NULL,
	start_date TIMESTAMP WITH TIME ZONE,
	end_date TIMESTAMP WITH TIME ZONE,
	duration INTEGER,
	CONSTRAINT task_fail_pkey PRIMARY KEY (id),
	CONSTRAINT task_fail_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
)
--;
CREATE INDEX idx_task_fail_task_instance ON task_fail (dag_id, task_id, run_id, map_index)
--;
@revision 486ac7936b78 d59cbbef95eb remove scheduler_lock column.
--;
ALTER TABLE dag ADD COLUMN scheduler_lock BOOLEAN
--;
@revision d59cbbef95eb 05234396c6fc Add UUID primary key to ``task_instance`` table.
--;
ALTER TABLE IF EXISTS task_instance DROP CONSTRAINT task_instance_composite_key CASCADE
--;
DROP FUNCTION IF EXISTS uuid_generate_v7(timestamp with time zone)
--;
ALTER TABLE task_instance DROP CONSTRAINT task_instance_pkey
--;
ALTER TABLE task_instance DROP COLUMN id
--;
ALTER TABLE task_instance ADD CONSTRAINT task_instance_pkey PRIMARY KEY (dag_id, task_id, run_id, map_index)
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
@revision 05234396c6fc 3a8972ecb8f9 Rename dataset as asset.
--;
ALTER TABLE asset_alias_asset RENAME TO dataset_alias_dataset
--;
ALTER TABLE asset_alias_asset_event RENAME TO dataset_alias_dataset_event
--;
ALTER TABLE asset_alias RENAME TO dataset_alias
--;
ALTER TABLE asset RENAME TO dataset
--;
ALTER TABLE dag_schedule_asset_alias_reference RENAME TO dag_schedule_dataset_alias_reference
--;
ALTER TABLE dag_schedule_asset_reference RENAME TO dag_schedule_dataset_reference
--;
ALTER TABLE task_outlet_asset_reference RENAME TO task_outlet_dataset_reference
--;
ALTER TABLE asset_dag_run_queue RENAME TO dataset_dag_run_queue
--;
ALTER TABLE dagrun_asset_event RENAME TO dagrun_dataset_event
--;
ALTER TABLE asset_event RENAME TO dataset_event
--;
ALTER TABLE asset_active DROP CONSTRAINT asset_active_asset_name_uri_fkey
--;
DROP INDEX idx_asset_name_uri_unique
--;
CREATE UNIQUE INDEX idx_dataset_name_uri_unique ON dataset (name, uri)
--;
ALTER TABLE asset_active ADD CONSTRAINT asset_active_asset_name_uri_fkey FOREIGN KEY(name, uri) REFERENCES dataset (name, uri) ON DELETE CASCADE
--;
ALTER TABLE dataset_alias_dataset ALTER COLUMN asset_id TYPE INTEGER
--;
ALTER TABLE dataset_alias_dataset ALTER COLUMN asset_id SET NOT NULL
--;
ALTER TABLE dataset_alias_dataset RENAME asset_id TO dataset_id
--;
ALTER TABLE dataset_alias_dataset DROP CONSTRAINT asset_alias_asset_alias_id_fkey
--;
DROP INDEX idx_asset_alias_asset_alias_id
--;
CREATE INDEX idx_dataset_alias_dataset_alias_id ON dataset_alias_dataset (alias_id)
--;
ALTER TABLE dataset_alias_dataset ADD CONSTRAINT dataset_alias_dataset_alias_id_fkey FOREIGN KEY(alias_id) REFERENCES dataset_alias (id) ON DELETE CASCADE
--;
ALTER TABLE dataset_alias_dataset DROP CONSTRAINT asset_alias_asset_asset_id_fkey
--;
DROP INDEX idx_asset_alias_asset_asset_id
--;
CREATE INDEX idx_dataset_alias_dataset_alias_dataset_id ON dataset_alias_dataset (dataset_id)
--;
ALTER TABLE dataset_alias_dataset ADD CONSTRAINT dataset_alias_dataset_dataset_id_fkey FOREIGN KEY(dataset_id) REFERENCES dataset (id) ON DELETE CASCADE
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT IF EXISTS dataset_alias_dataset_event_event_id_fkey
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT asset_alias_asset_event_alias_id_fkey
--;
DROP INDEX idx_asset_alias_asset_event_alias_id
--;
CREATE INDEX idx_dataset_alias_dataset_event_alias_id ON dataset_alias_dataset_event (alias_id)
--;
ALTER TABLE dataset_alias_dataset_event ADD CONSTRAINT dataset_alias_dataset_event_alias_id_fkey FOREIGN KEY(alias_id) REFERENCES dataset_alias (id) ON DELETE CASCADE
--;
ALTER TABLE dataset_alias_dataset_event DROP CONSTRAINT asset_alias_asset_event_event_id_fkey
--;
DROP INDEX idx_asset_alias_asset_event_event_id
--;
CREATE INDEX idx_dataset_alias_dataset_event_event_id ON dataset_alias_dataset_event (event_id)
--;
ALTER TABLE dataset_alias_dataset_event ADD CONSTRAINT dataset_alias_dataset_event_event_id_fkey FOREIGN KEY(event_id) REFERENCES dataset_event (id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_dataset_alias_reference DROP CONSTRAINT dsaar_asset_alias_fkey
--;
ALTER TABLE dag_schedule_dataset_alias_reference DROP CONSTRAINT dsaar_dag_id_fkey
--;
ALTER TABLE dag_schedule_dataset_alias_reference DROP CONSTRAINT dsaar_pkey
--;
ALTER TABLE dag_schedule_dataset_alias_reference ADD CONSTRAINT dsdar_pkey PRIMARY KEY (alias_id, dag_id)
--;
DROP INDEX idx_dag_schedule_asset_alias_reference_dag_id
--;
CREATE INDEX idx_dag_schedule_dataset_alias_reference_dag_id ON dag_schedule_dataset_alias_reference (dag_id)
--;
ALTER TABLE dag_schedule_dataset_alias_reference ADD CONSTRAINT dsdar_dataset_alias_fkey FOREIGN KEY(alias_id) REFERENCES dataset_alias (id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_dataset_alias_reference ADD CONSTRAINT dsdar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_dataset_reference ALTER COLUMN asset_id TYPE INTEGER
--;
ALTER TABLE dag_schedule_dataset_reference ALTER COLUMN asset_id SET NOT NULL
--;
ALTER TABLE dag_schedule_dataset_reference RENAME asset_id TO dataset_id
--;
ALTER TABLE dag_schedule_dataset_reference DROP CONSTRAINT dsar_dag_id_fkey
--;
ALTER TABLE dag_schedule_dataset_reference DROP CONSTRAINT dsar_asset_fkey
--;
DROP INDEX idx_dag_schedule_asset_reference_dag_id
--;
CREATE INDEX idx_dag_schedule_dataset_reference_dag_id ON dag_schedule_dataset_reference (dag_id)
--;
ALTER TABLE dag_schedule_dataset_reference DROP CONSTRAINT dsar_pkey
--;
ALTER TABLE dag_schedule_dataset_reference ADD CONSTRAINT dsdr_pkey PRIMARY KEY (dataset_id, dag_id)
--;
ALTER TABLE dag_schedule_dataset_reference ADD CONSTRAINT dsdr_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE dag_schedule_dataset_reference ADD CONSTRAINT dsdr_dataset_fkey FOREIGN KEY(dataset_id) REFERENCES dataset (id) ON DELETE CASCADE
--;
ALTER TABLE task_outlet_dataset_reference ALTER COLUMN asset_id TYPE INTEGER
--;
ALTER TABLE task_outlet_dataset_reference ALTER COLUMN asset_id SET NOT NULL
--;
ALTER TABLE task_outlet_dataset_reference RENAME asset_id TO dataset_id
--;
ALTER TABLE task_outlet_dataset_reference DROP CONSTRAINT toar_asset_fkey
--;
ALTER TABLE task_outlet_dataset_reference DROP CONSTRAINT toar_dag_id_fkey
--;
DROP INDEX idx_task_outlet_asset_reference_dag_id
--;
CREATE INDEX idx_task_outlet_dataset_reference_dag_id ON task_outlet_dataset_reference (dag_id)
--;
ALTER TABLE task_outlet_dataset_reference DROP CONSTRAINT toar_pkey
--;
ALTER TABLE task_outlet_dataset_reference ADD CONSTRAINT todr_pkey PRIMARY KEY (dataset_id, dag_id, task_id)
--;
ALTER TABLE task_outlet_dataset_reference ADD CONSTRAINT todr_dataset_fkey FOREIGN KEY(dataset_id) REFERENCES dataset (id) ON DELETE CASCADE
--;
ALTER TABLE task_outlet_dataset_reference ADD CONSTRAINT todr_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE dataset_dag_run_queue ALTER COLUMN asset_id TYPE INTEGER
--;
ALTER TABLE dataset_dag_run_queue ALTER COLUMN asset_id SET NOT NULL
--;
ALTER TABLE dataset_dag_run_queue RENAME asset_id TO dataset_id
--;
ALTER TABLE dataset_dag_run_queue DROP CONSTRAINT adrq_asset_fkey
--;
ALTER TABLE dataset_dag_run_queue DROP CONSTRAINT adrq_dag_fkey
--;
ALTER TABLE dataset_dag_run_queue DROP CONSTRAINT assetdagrunqueue_pkey
--;
ALTER TABLE dataset_dag_run_queue ADD CONSTRAINT datasetdagrunqueue_pkey PRIMARY KEY (dataset_id, target_dag_id)
--;
DROP INDEX idx_asset_dag_run_queue_target_dag_id
--;
CREATE INDEX idx_dataset_dag_run_queue_target_dag_id ON dataset_dag_run_queue (target_dag_id)
--;
ALTER TABLE dataset_dag_run_queue ADD CONSTRAINT ddrq_dataset_fkey FOREIGN KEY(dataset_id) REFERENCES dataset (id) ON DELETE CASCADE
--;
ALTER TABLE dataset_dag_run_queue ADD CONSTRAINT ddrq_dag_fkey FOREIGN KEY(target_dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
--;
ALTER TABLE dagrun_dataset_event DROP CONSTRAINT dagrun_asset_event_event_id_fkey
--;
DROP INDEX idx_dagrun_asset_events_event_id
--;
CREATE INDEX idx_dagrun_dataset_events_event_id ON dagrun_dataset_event (event_id)
--;
ALTER TABLE dagrun_dataset_event ADD CONSTRAINT dagrun_dataset_event_event_id_fkey FOREIGN KEY(event_id) REFERENCES dataset_event (id) ON DELETE CASCADE
--;
ALTER TABLE dagrun_dataset_event DROP CONSTRAINT dagrun_asset_event_dag_run_id_fkey
--;
DROP INDEX idx_dagrun_asset_events_dag_run_id
--;
CREATE INDEX idx_dagrun_dataset_events_dag_run_id ON dagrun_dataset_event (dag_run_id)
--;
ALTER TABLE dagrun_dataset_event ADD CONSTRAINT dagrun_dataset_event_dag_run_id_fkey FOREIGN KEY(dag_run_id) REFERENCES dag_run (id) ON DELETE CASCADE
--;
ALTER TABLE dagrun_dataset_event DROP CONSTRAINT dagrun_asset_event_pkey
--;
ALTER TABLE dagrun_dataset_event ADD CONSTRAINT dagrun_dataset_event_pkey PRIMARY KEY (event_id, dag_run_id)
--;
ALTER TABLE dataset_event ALTER COLUMN asset_id TYPE INTEGER
--;
ALTER TABLE dataset_event ALTER COLUMN asset_id SET NOT NULL
--;
ALTER TABLE dataset_event RENAME asset_id TO dataset_id
--;
DROP INDEX idx_asset_id_timestamp
--;
CREATE INDEX idx_dataset_id_timestamp ON dataset_event (dataset_id, timestamp)
--;
DROP INDEX idx_asset_alias_name_unique
--;
CREATE UNIQUE INDEX idx_dataset_alias_name_unique ON dataset_alias (name)
--;
ALTER TABLE dag ALTER COLUMN asset_expression TYPE JSON
--;
ALTER TABLE dag RENAME asset_expression TO dataset_expression
--;
@revision 3a8972ecb8f9 fb2d4922cd79 Add exception_reason and logical_date to BackfillDagRun.
--;
ALTER TABLE backfill DROP COLUMN reprocess_behavior
--;
ALTER TABLE backfill_dag_run DROP COLUMN logical_date
--;
ALTER TABLE backfill_dag_run DROP COLUMN exception_reason
--;
@revision fb2d4922cd79 5a5d66100783 Tweak AssetAliasModel to match AssetModel after AIP-76.
--;
ALTER TABLE dataset_alias DROP COLUMN "group"
--;
ALTER TABLE dataset_alias ALTER COLUMN name TYPE VARCHAR(3000)
--;
ALTER TABLE dataset_alias ALTER COLUMN name SET NOT NULL
--;
@revision 5a5d66100783 c3389cd7793f Add AssetActive to track orphaning instead of a flag.
--;
ALTER TABLE dataset ADD COLUMN is_orphaned BOOLEAN DEFAULT '0' NOT NULL
--;
update dataset set is_orphaned = true where not exists (select 1 from asset_active where dataset.name = asset_active.name and dataset.uri = asset_active.uri)
--;
DROP TABLE asset_active
--;
@revision c3389cd7793f 0d9e73a75ee4 Add backfill to dag run model.
--;
ALTER TABLE dag_run DROP CONSTRAINT dag_run_backfill_id_fkey
--;
ALTER TABLE dag_run DROP COLUMN backfill_id
--;
@revision 0d9e73a75ee4 44eabb1904b4 Add name and group fields to DatasetModel.
--;
delete from dataset as d1 where d1.is_orphaned = true and exists (select 1 from dataset as d2 where d1.uri = d2.uri and d2.is_orphaned = false)
--;
with unique_dataset as (select min(id) as min_id, uri as uri from dataset group by id),
        duplicate_dataset_id as (
            select id from dataset join unique_dataset
            on dataset.uri = unique_dataset.uri
            where dataset.id > unique_dataset.min_id
        )
        delete from dataset where id in (select * from duplicate_dataset_id)
--;
DROP INDEX idx_dataset_name_uri_unique
--;
CREATE UNIQUE INDEX idx_uri_unique ON dataset (uri)
--;
ALTER TABLE dataset DROP COLUMN "group"
--;
ALTER TABLE dataset DROP COLUMN name
--;
ALTER TABLE dataset ALTER COLUMN uri TYPE VARCHAR(3000)
--;
ALTER TABLE dataset ALTER COLUMN uri SET NOT NULL
--;
DROP INDEX idx_dataset_alias_name_unique
--;
CREATE UNIQUE INDEX idx_name_unique ON dataset_alias (name)
--;
@revision 44eabb1904b4 16cbcb1c8c36 Update dag_run_note.user_id and task_instance_note.user_id columns to String.
--;
UPDATE dag_run_note
                SET user_id = NULL
                WHERE user_id IS NOT NULL
                AND user_id !~ '^[0-9]+$'
--;
UPDATE task_instance_note
                SET user_id = NULL
                WHERE user_id IS NOT NULL
                AND user_id !~ '^[0-9]+$'
--;
ALTER TABLE dag_run_note ALTER COLUMN user_id TYPE INTEGER USING user_id::integer
--;
ALTER TABLE task_instance_note ALTER COLUMN user_id TYPE INTEGER USING user_id::integer
--;
@revision 16cbcb1c8c36 522625f6d606 Remove redundant index.
--;
CREATE INDEX idx_log_dag ON log (dag_id)
--;
@revision 522625f6d606 1cdc775ca98f Add tables for backfill.
--;
DROP TABLE backfill_dag_run
--;
DROP TABLE backfill
--;
@revision 1cdc775ca98f a2c32e6c7729 Rename execution_date to logical_date.
--;
@loop move_runs_without_date
--;
ALTER TABLE dag_run ALTER COLUMN logical_date SET NOT NULL
--;
ALTER TABLE dag_run RENAME logical_date TO execution_date
--;
ALTER TABLE dag_run DROP CONSTRAINT dag_run_dag_id_logical_date_key
--;
ALTER TABLE dag_run ADD CONSTRAINT dag_run_dag_id_execution_date_key UNIQUE (dag_id, execution_date)
--;
ALTER TABLE log ALTER COLUMN logical_date DROP NOT NULL
--;
ALTER TABLE log RENAME logical_date TO execution_date
--;
@revision a2c32e6c7729 0bfc26bc256e Add triggered_by field to DagRun.
--;
ALTER TABLE dag_run DROP COLUMN triggered_by
--;
@revision 0bfc26bc256e d0f1c55954fa Rename DagModel schedule_interval to timetable_summary.
--;
ALTER TABLE dag ALTER COLUMN timetable_summary TYPE TEXT
--;
ALTER TABLE dag ALTER COLUMN timetable_summary DROP NOT NULL
--;
ALTER TABLE dag RENAME timetable_summary TO schedule_interval
--;
UPDATE dag SET schedule_interval=NULL
--;
@revision d0f1c55954fa 044f740568ec Remove SubDAGs: ``is_subdag`` & ``root_dag_id`` columns from DAG table.
--;
ALTER TABLE dag ADD COLUMN is_subdag BOOLEAN
--;
ALTER TABLE dag ADD COLUMN root_dag_id VARCHAR(250)
--;
CREATE INDEX idx_root_dag_id ON dag (root_dag_id)
--;
@revision 044f740568ec 5f2621c13b39 Drop ab_user.id foreign key.
--;
ALTER TABLE task_instance_note ADD CONSTRAINT task_instance_note_user_fkey FOREIGN KEY(user_id) REFERENCES ab_user (id)
--;
ALTER TABLE dag_run_note ADD CONSTRAINT dag_run_note_user_fkey FOREIGN KEY(user_id) REFERENCES ab_user (id)
