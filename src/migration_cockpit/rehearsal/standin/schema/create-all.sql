-- Every table of an empty database, as create_all makes them.
-- Recorded from Apache Airflow 3.2.2 (and its FAB provider) by scripts/make_standin_schema.py; not written by hand.
-- Apache Airflow is licensed under the Apache License, Version 2.0: https://www.apache.org/licenses/LICENSE-2.0
-- Statements are separated by a line holding only `--;`.
CREATE TABLE team (
	name VARCHAR(50) NOT NULL,
	CONSTRAINT team_pkey PRIMARY KEY (name)
)
--;
CREATE TABLE dag_bundle (
	name VARCHAR(250) NOT NULL,
	active BOOLEAN,
	version VARCHAR(200),
	last_refreshed TIMESTAMP WITH TIME ZONE,
	signed_url_template TEXT,
	template_params JSON,
	CONSTRAINT dag_bundle_pkey PRIMARY KEY (name)
)
--;
CREATE TABLE job (
	id SERIAL NOT NULL,
	dag_id VARCHAR(250),
	state VARCHAR(20),
	job_type VARCHAR(30),
	start_date TIMESTAMP WITH TIME ZONE,
	end_date TIMESTAMP WITH TIME ZONE,
	latest_heartbeat TIMESTAMP WITH TIME ZONE,
	executor_class VARCHAR(500),
	hostname VARCHAR(500),
	unixname VARCHAR(1000),
	CONSTRAINT job_pkey PRIMARY KEY (id)
)
--;
CREATE INDEX idx_job_dag_id ON job (dag_id)
--;
CREATE INDEX idx_job_state_heartbeat ON job (state, latest_heartbeat)
--;
CREATE INDEX job_type_heart ON job (job_type, latest_heartbeat)
--;
CREATE TABLE log (
	id SERIAL NOT NULL,
	dttm TIMESTAMP WITH TIME ZONE,
	dag_id VARCHAR(250),
	task_id VARCHAR(250),
	map_index INTEGER,
	event VARCHAR(60) NOT NULL,
	logical_date TIMESTAMP WITH TIME ZONE,
	run_id VARCHAR(250),
	owner VARCHAR(500),
	owner_display_name VARCHAR(500),
	extra TEXT,
	try_number INTEGER,
	CONSTRAINT log_pkey PRIMARY KEY (id)
)
--;
CREATE INDEX idx_log_dttm ON log (dttm)
--;
CREATE INDEX idx_log_task_instance ON log (dag_id, task_id, run_id, map_index, try_number)
--;
CREATE INDEX idx_log_event ON log (event)
--;
CREATE TABLE asset_alias (
	id SERIAL NOT NULL,
	name VARCHAR(1500) NOT NULL,
	"group" VARCHAR(1500) NOT NULL,
	CONSTRAINT asset_alias_pkey PRIMARY KEY (id)
)
--;
CREATE UNIQUE INDEX idx_asset_alias_name_unique ON asset_alias (name)
--;
CREATE TABLE asset (
	id SERIAL NOT NULL,
	name VARCHAR(1500) NOT NULL,
	uri VARCHAR(1500) NOT NULL,
	"group" VARCHAR(1500) NOT NULL,
	extra JSON NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT asset_pkey PRIMARY KEY (id)
)
--;
CREATE UNIQUE INDEX idx_asset_name_uri_unique ON asset (name, uri)
--;
CREATE TABLE asset_event (
	id SERIAL NOT NULL,
	asset_id INTEGER NOT NULL,
	extra JSON NOT NULL,
	source_task_id VARCHAR(250),
	source_dag_id VARCHAR(250),
	source_run_id VARCHAR(250),
	source_map_index INTEGER DEFAULT '-1',
	timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
	partition_key VARCHAR(250),
	CONSTRAINT asset_event_pkey PRIMARY KEY (id)
)
--;
CREATE INDEX idx_asset_id_timestamp ON asset_event (asset_id, timestamp)
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
CREATE TABLE backfill (
	id SERIAL NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	from_date TIMESTAMP WITH TIME ZONE NOT NULL,
	to_date TIMESTAMP WITH TIME ZONE NOT NULL,
	dag_run_conf JSON NOT NULL,
	is_paused BOOLEAN,
	reprocess_behavior VARCHAR(250) NOT NULL,
	max_active_runs INTEGER NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	completed_at TIMESTAMP WITH TIME ZONE,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	triggering_user_name VARCHAR(512),
	CONSTRAINT backfill_pkey PRIMARY KEY (id)
)
--;
CREATE TABLE log_template (
	id SERIAL NOT NULL,
	filename TEXT NOT NULL,
	elasticsearch_id TEXT NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT log_template_pkey PRIMARY KEY (id)
)
--;
CREATE TABLE trigger (
	id SERIAL NOT NULL,
	classpath VARCHAR(1000) NOT NULL,
	kwargs TEXT NOT NULL,
	created_date TIMESTAMP WITH TIME ZONE NOT NULL,
	triggerer_id INTEGER,
	queue VARCHAR(256),
	CONSTRAINT trigger_pkey PRIMARY KEY (id)
)
--;
CREATE TABLE dag_priority_parsing_request (
	id VARCHAR(32) NOT NULL,
	bundle_name VARCHAR(250) NOT NULL,
	relative_fileloc VARCHAR(2000) NOT NULL,
	CONSTRAINT dag_priority_parsing_request_pkey PRIMARY KEY (id)
)
--;
CREATE TABLE import_error (
	id SERIAL NOT NULL,
	timestamp TIMESTAMP WITH TIME ZONE,
	filename VARCHAR(1024),
	bundle_name VARCHAR(250),
	stacktrace TEXT,
	CONSTRAINT import_error_pkey PRIMARY KEY (id)
)
--;
CREATE TABLE revoked_token (
	jti VARCHAR(32) NOT NULL,
	exp TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT revoked_token_pkey PRIMARY KEY (jti)
)
--;
CREATE INDEX idx_revoked_token_exp ON revoked_token (exp)
--;
CREATE TABLE connection (
	id SERIAL NOT NULL,
	conn_id VARCHAR(250) NOT NULL,
	conn_type VARCHAR(500) NOT NULL,
	description TEXT,
	host VARCHAR(500),
	schema VARCHAR(500),
	login TEXT,
	password TEXT,
	port INTEGER,
	is_encrypted BOOLEAN NOT NULL,
	is_extra_encrypted BOOLEAN NOT NULL,
	team_name VARCHAR(50),
	extra TEXT,
	CONSTRAINT connection_pkey PRIMARY KEY (id),
	CONSTRAINT connection_conn_id_uq UNIQUE (conn_id),
	CONSTRAINT connection_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE SET NULL
)
--;
CREATE TABLE dag_bundle_team (
	dag_bundle_name VARCHAR(250) NOT NULL,
	team_name VARCHAR(50) NOT NULL,
	CONSTRAINT dag_bundle_team_pkey PRIMARY KEY (dag_bundle_name, team_name),
	CONSTRAINT dag_bundle_team_dag_bundle_name_fkey FOREIGN KEY(dag_bundle_name) REFERENCES dag_bundle (name) ON DELETE CASCADE,
	CONSTRAINT dag_bundle_team_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE CASCADE
)
--;
CREATE UNIQUE INDEX idx_dag_bundle_team_dag_bundle_name ON dag_bundle_team (dag_bundle_name)
--;
CREATE INDEX idx_dag_bundle_team_team_name ON dag_bundle_team (team_name)
--;
CREATE TABLE callback (
	id UUID NOT NULL,
	type VARCHAR(20) NOT NULL,
	fetch_method VARCHAR(20) NOT NULL,
	data JSONB NOT NULL,
	bundle_name VARCHAR(250),
	state VARCHAR(10),
	output TEXT,
	priority_weight INTEGER NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	trigger_id INTEGER,
	CONSTRAINT callback_pkey PRIMARY KEY (id),
	CONSTRAINT callback_trigger_id_fkey FOREIGN KEY(trigger_id) REFERENCES trigger (id)
)
--;
CREATE TABLE asset_alias_asset (
	alias_id INTEGER NOT NULL,
	asset_id INTEGER NOT NULL,
	CONSTRAINT asset_alias_asset_pkey PRIMARY KEY (alias_id, asset_id),
	CONSTRAINT asset_alias_asset_alias_id_fkey FOREIGN KEY(alias_id) REFERENCES asset_alias (id) ON DELETE CASCADE,
	CONSTRAINT asset_alias_asset_asset_id_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_asset_alias_asset_alias_id ON asset_alias_asset (alias_id)
--;
CREATE INDEX idx_asset_alias_asset_asset_id ON asset_alias_asset (asset_id)
--;
CREATE TABLE asset_alias_asset_event (
	alias_id INTEGER NOT NULL,
	event_id INTEGER NOT NULL,
	CONSTRAINT asset_alias_asset_event_pkey PRIMARY KEY (alias_id, event_id),
	CONSTRAINT asset_alias_asset_event_alias_id_fkey FOREIGN KEY(alias_id) REFERENCES asset_alias (id) ON DELETE CASCADE,
	CONSTRAINT asset_alias_asset_event_event_id_fkey FOREIGN KEY(event_id) REFERENCES asset_event (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_asset_alias_asset_event_event_id ON asset_alias_asset_event (event_id)
--;
CREATE INDEX idx_asset_alias_asset_event_alias_id ON asset_alias_asset_event (alias_id)
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
CREATE TABLE asset_active (
	name VARCHAR(1500) NOT NULL,
	uri VARCHAR(1500) NOT NULL,
	CONSTRAINT asset_active_pkey PRIMARY KEY (name, uri),
	CONSTRAINT asset_active_asset_name_uri_fkey FOREIGN KEY(name, uri) REFERENCES asset (name, uri) ON DELETE CASCADE
)
--;
CREATE UNIQUE INDEX idx_asset_active_uri_unique ON asset_active (uri)
--;
CREATE UNIQUE INDEX idx_asset_active_name_unique ON asset_active (name)
--;
CREATE TABLE dag (
	dag_id VARCHAR(250) NOT NULL,
	is_paused BOOLEAN NOT NULL,
	is_stale BOOLEAN NOT NULL,
	exceeds_max_non_backfill BOOLEAN DEFAULT '0' NOT NULL,
	last_parsed_time TIMESTAMP WITH TIME ZONE,
	last_parse_duration FLOAT,
	last_expired TIMESTAMP WITH TIME ZONE,
	fileloc VARCHAR(2000),
	relative_fileloc VARCHAR(2000),
	bundle_name VARCHAR(250) NOT NULL,
	bundle_version VARCHAR(200),
	owners VARCHAR(2000),
	dag_display_name VARCHAR(2000),
	description TEXT,
	timetable_type VARCHAR(255) NOT NULL,
	timetable_summary TEXT,
	timetable_description VARCHAR(1000),
	timetable_partitioned BOOLEAN DEFAULT '0' NOT NULL,
	asset_expression JSON,
	deadline JSON,
	max_active_tasks INTEGER NOT NULL,
	max_active_runs INTEGER,
	max_consecutive_failed_dag_runs INTEGER NOT NULL,
	has_task_concurrency_limits BOOLEAN NOT NULL,
	has_import_errors BOOLEAN DEFAULT '0',
	fail_fast BOOLEAN DEFAULT '0' NOT NULL,
	allowed_run_types JSON,
	next_dagrun TIMESTAMP WITH TIME ZONE,
	next_dagrun_data_interval_start TIMESTAMP WITH TIME ZONE,
	next_dagrun_data_interval_end TIMESTAMP WITH TIME ZONE,
	next_dagrun_partition_key VARCHAR(255),
	next_dagrun_partition_date TIMESTAMP WITH TIME ZONE,
	next_dagrun_create_after TIMESTAMP WITH TIME ZONE,
	CONSTRAINT dag_pkey PRIMARY KEY (dag_id),
	CONSTRAINT dag_bundle_name_fkey FOREIGN KEY(bundle_name) REFERENCES dag_bundle (name)
)
--;
CREATE INDEX idx_next_dagrun_create_after ON dag (next_dagrun_create_after)
--;
CREATE TABLE slot_pool (
	id SERIAL NOT NULL,
	pool VARCHAR(256),
	slots INTEGER NOT NULL,
	description TEXT,
	include_deferred BOOLEAN NOT NULL,
	team_name VARCHAR(50),
	CONSTRAINT slot_pool_pkey PRIMARY KEY (id),
	CONSTRAINT slot_pool_pool_uq UNIQUE (pool),
	CONSTRAINT slot_pool_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE SET NULL
)
--;
CREATE TABLE variable (
	id SERIAL NOT NULL,
	key VARCHAR(250) NOT NULL,
	val TEXT NOT NULL,
	description TEXT,
	is_encrypted BOOLEAN NOT NULL,
	team_name VARCHAR(50),
	CONSTRAINT variable_pkey PRIMARY KEY (id),
	CONSTRAINT variable_key_uq UNIQUE (key),
	CONSTRAINT variable_team_name_fkey FOREIGN KEY(team_name) REFERENCES team (name) ON DELETE SET NULL
)
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
CREATE TABLE dag_schedule_asset_alias_reference (
	alias_id INTEGER NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dsaar_pkey PRIMARY KEY (alias_id, dag_id),
	CONSTRAINT dsaar_asset_alias_fkey FOREIGN KEY(alias_id) REFERENCES asset_alias (id) ON DELETE CASCADE,
	CONSTRAINT dsaar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dag_schedule_asset_alias_reference_dag_id ON dag_schedule_asset_alias_reference (dag_id)
--;
CREATE TABLE dag_schedule_asset_reference (
	asset_id INTEGER NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dsar_pkey PRIMARY KEY (asset_id, dag_id),
	CONSTRAINT dsar_asset_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE,
	CONSTRAINT dsar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dag_schedule_asset_reference_dag_id ON dag_schedule_asset_reference (dag_id)
--;
CREATE TABLE task_outlet_asset_reference (
	asset_id INTEGER NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT toar_pkey PRIMARY KEY (asset_id, dag_id, task_id),
	CONSTRAINT toar_asset_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE,
	CONSTRAINT toar_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_task_outlet_asset_reference_dag_id ON task_outlet_asset_reference (dag_id)
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
CREATE TABLE asset_dag_run_queue (
	asset_id INTEGER NOT NULL,
	target_dag_id VARCHAR(250) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT assetdagrunqueue_pkey PRIMARY KEY (asset_id, target_dag_id),
	CONSTRAINT adrq_asset_fkey FOREIGN KEY(asset_id) REFERENCES asset (id) ON DELETE CASCADE,
	CONSTRAINT adrq_dag_fkey FOREIGN KEY(target_dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_asset_dag_run_queue_target_dag_id ON asset_dag_run_queue (target_dag_id)
--;
CREATE TABLE dag_version (
	id UUID NOT NULL,
	version_number INTEGER NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	bundle_name VARCHAR(250),
	bundle_version VARCHAR(250),
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dag_version_pkey PRIMARY KEY (id),
	CONSTRAINT dag_id_v_name_v_number_unique_constraint UNIQUE (dag_id, version_number),
	CONSTRAINT dag_version_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE TABLE dag_tag (
	name VARCHAR(100) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	CONSTRAINT dag_tag_pkey PRIMARY KEY (name, dag_id),
	CONSTRAINT dag_tag_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dag_tag_dag_id ON dag_tag (dag_id)
--;
CREATE TABLE dag_owner_attributes (
	dag_id VARCHAR(250) NOT NULL,
	owner VARCHAR(500) NOT NULL,
	link VARCHAR(500) NOT NULL,
	CONSTRAINT dag_owner_attributes_pkey PRIMARY KEY (dag_id, owner),
	CONSTRAINT "dag.dag_id" FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE TABLE dag_warning (
	dag_id VARCHAR(250) NOT NULL,
	warning_type VARCHAR(50) NOT NULL,
	message TEXT NOT NULL,
	timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dag_warning_pkey PRIMARY KEY (dag_id, warning_type),
	CONSTRAINT dcw_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dag_warning_dag_id ON dag_warning (dag_id)
--;
CREATE TABLE dag_favorite (
	user_id VARCHAR(250) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	CONSTRAINT dag_favorite_pkey PRIMARY KEY (user_id, dag_id),
	CONSTRAINT dag_favorite_dag_id_fkey FOREIGN KEY(dag_id) REFERENCES dag (dag_id) ON DELETE CASCADE
)
--;
CREATE TABLE dag_run (
	id SERIAL NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	queued_at TIMESTAMP WITH TIME ZONE,
	logical_date TIMESTAMP WITH TIME ZONE,
	start_date TIMESTAMP WITH TIME ZONE,
	end_date TIMESTAMP WITH TIME ZONE,
	state VARCHAR(50),
	run_id VARCHAR(250) NOT NULL,
	creating_job_id INTEGER,
	run_type VARCHAR(50) NOT NULL,
	triggered_by VARCHAR(50),
	triggering_user_name VARCHAR(512),
	conf JSONB,
	data_interval_start TIMESTAMP WITH TIME ZONE,
	data_interval_end TIMESTAMP WITH TIME ZONE,
	run_after TIMESTAMP WITH TIME ZONE NOT NULL,
	last_scheduling_decision TIMESTAMP WITH TIME ZONE,
	log_template_id INTEGER,
	created_at TIMESTAMP WITH TIME ZONE,
	updated_at TIMESTAMP WITH TIME ZONE,
	clear_number INTEGER DEFAULT '0' NOT NULL,
	backfill_id INTEGER,
	bundle_version VARCHAR(250),
	scheduled_by_job_id INTEGER,
	context_carrier JSONB,
	span_status VARCHAR(250) DEFAULT 'not_started' NOT NULL,
	created_dag_version_id UUID,
	partition_key VARCHAR(250),
	partition_date TIMESTAMP WITH TIME ZONE,
	CONSTRAINT dag_run_pkey PRIMARY KEY (id),
	CONSTRAINT dag_run_dag_id_run_id_key UNIQUE (dag_id, run_id),
	CONSTRAINT dag_run_dag_id_logical_date_key UNIQUE (dag_id, logical_date),
	CONSTRAINT task_instance_log_template_id_fkey FOREIGN KEY(log_template_id) REFERENCES log_template (id) ON DELETE NO ACTION,
	CONSTRAINT dag_run_backfill_id_fkey FOREIGN KEY(backfill_id) REFERENCES backfill (id),
	CONSTRAINT created_dag_version_id_fkey FOREIGN KEY(created_dag_version_id) REFERENCES dag_version (id) ON DELETE set null
)
--;
CREATE INDEX idx_dag_run_dag_id ON dag_run (dag_id)
--;
CREATE INDEX dag_id_state ON dag_run (dag_id, state)
--;
CREATE INDEX idx_dag_run_run_after ON dag_run (run_after)
--;
CREATE INDEX idx_dag_run_running_dags ON dag_run (state, dag_id) WHERE state='running'
--;
CREATE INDEX idx_dag_run_queued_dags ON dag_run (state, dag_id) WHERE state='queued'
--;
CREATE TABLE dag_code (
	id UUID NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	fileloc VARCHAR(2000) NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
	source_code TEXT NOT NULL,
	source_code_hash VARCHAR(32) NOT NULL,
	dag_version_id UUID NOT NULL,
	CONSTRAINT dag_code_pkey PRIMARY KEY (id),
	CONSTRAINT dag_code_dag_version_id_uq UNIQUE (dag_version_id),
	CONSTRAINT dag_code_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE CASCADE
)
--;
CREATE TABLE serialized_dag (
	id UUID NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	data JSONB,
	data_compressed BYTEA,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_updated TIMESTAMP WITH TIME ZONE NOT NULL,
	dag_hash VARCHAR(32) NOT NULL,
	dag_version_id UUID NOT NULL,
	CONSTRAINT serialized_dag_pkey PRIMARY KEY (id),
	CONSTRAINT serialized_dag_dag_version_id_uq UNIQUE (dag_version_id),
	CONSTRAINT serialized_dag_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE CASCADE
)
--;
CREATE TABLE dagrun_asset_event (
	dag_run_id INTEGER NOT NULL,
	event_id INTEGER NOT NULL,
	CONSTRAINT dagrun_asset_event_pkey PRIMARY KEY (dag_run_id, event_id),
	CONSTRAINT dagrun_asset_event_dag_run_id_fkey FOREIGN KEY(dag_run_id) REFERENCES dag_run (id) ON DELETE CASCADE,
	CONSTRAINT dagrun_asset_event_event_id_fkey FOREIGN KEY(event_id) REFERENCES asset_event (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_dagrun_asset_events_event_id ON dagrun_asset_event (event_id)
--;
CREATE INDEX idx_dagrun_asset_events_dag_run_id ON dagrun_asset_event (dag_run_id)
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
CREATE TABLE deadline_alert (
	id UUID NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	serialized_dag_id UUID NOT NULL,
	name VARCHAR(250),
	description TEXT,
	reference JSON NOT NULL,
	interval FLOAT NOT NULL,
	callback_def JSON NOT NULL,
	CONSTRAINT deadline_alert_pkey PRIMARY KEY (id),
	CONSTRAINT deadline_alert_serialized_dag_id_fkey FOREIGN KEY(serialized_dag_id) REFERENCES serialized_dag (id) ON DELETE CASCADE
)
--;
CREATE TABLE task_instance (
	id UUID NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	run_id VARCHAR(250) NOT NULL,
	map_index INTEGER DEFAULT '-1' NOT NULL,
	start_date TIMESTAMP WITH TIME ZONE,
	end_date TIMESTAMP WITH TIME ZONE,
	duration FLOAT,
	state VARCHAR(20),
	try_number INTEGER NOT NULL,
	max_tries INTEGER DEFAULT '-1' NOT NULL,
	hostname VARCHAR(1000),
	unixname VARCHAR(1000),
	pool VARCHAR(256) NOT NULL,
	pool_slots INTEGER NOT NULL,
	queue VARCHAR(256),
	priority_weight INTEGER,
	operator VARCHAR(1000),
	custom_operator_name VARCHAR(1000),
	queued_dttm TIMESTAMP WITH TIME ZONE,
	scheduled_dttm TIMESTAMP WITH TIME ZONE,
	queued_by_job_id INTEGER,
	last_heartbeat_at TIMESTAMP WITH TIME ZONE,
	pid INTEGER,
	executor VARCHAR(1000),
	executor_config BYTEA,
	updated_at TIMESTAMP WITH TIME ZONE,
	rendered_map_index VARCHAR(250),
	context_carrier JSONB,
	span_status VARCHAR(250) DEFAULT 'not_started' NOT NULL,
	external_executor_id TEXT,
	trigger_id INTEGER,
	trigger_timeout TIMESTAMP WITH TIME ZONE,
	next_method VARCHAR(1000),
	next_kwargs JSONB,
	task_display_name VARCHAR(2000),
	dag_version_id UUID,
	CONSTRAINT task_instance_pkey PRIMARY KEY (id),
	CONSTRAINT task_instance_composite_key UNIQUE (dag_id, task_id, run_id, map_index),
	CONSTRAINT task_instance_trigger_id_fkey FOREIGN KEY(trigger_id) REFERENCES trigger (id) ON DELETE CASCADE,
	CONSTRAINT task_instance_dag_run_fkey FOREIGN KEY(dag_id, run_id) REFERENCES dag_run (dag_id, run_id) ON DELETE CASCADE,
	CONSTRAINT task_instance_dag_version_id_fkey FOREIGN KEY(dag_version_id) REFERENCES dag_version (id) ON DELETE RESTRICT
)
--;
CREATE INDEX ti_state ON task_instance (state)
--;
CREATE INDEX ti_trigger_id ON task_instance (trigger_id)
--;
CREATE INDEX ti_dag_run ON task_instance (dag_id, run_id)
--;
CREATE INDEX ti_pool ON task_instance (pool, state, priority_weight)
--;
CREATE INDEX ti_state_lkp ON task_instance (dag_id, task_id, run_id, state)
--;
CREATE INDEX ti_dag_state ON task_instance (dag_id, state)
--;
CREATE INDEX ti_heartbeat ON task_instance (last_heartbeat_at)
--;
CREATE TABLE backfill_dag_run (
	id SERIAL NOT NULL,
	backfill_id INTEGER NOT NULL,
	dag_run_id INTEGER,
	exception_reason VARCHAR(250),
	logical_date TIMESTAMP WITH TIME ZONE,
	partition_key VARCHAR(250),
	sort_ordinal INTEGER NOT NULL,
	CONSTRAINT backfill_dag_run_pkey PRIMARY KEY (id),
	CONSTRAINT ix_bdr_backfill_id_dag_run_id UNIQUE (backfill_id, dag_run_id),
	CONSTRAINT bdr_backfill_fkey FOREIGN KEY(backfill_id) REFERENCES backfill (id) ON DELETE cascade,
	CONSTRAINT bdr_dag_run_fkey FOREIGN KEY(dag_run_id) REFERENCES dag_run (id) ON DELETE set null
)
--;
CREATE TABLE dag_run_note (
	user_id VARCHAR(128),
	dag_run_id INTEGER NOT NULL,
	content VARCHAR(1000),
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT dag_run_note_pkey PRIMARY KEY (dag_run_id),
	CONSTRAINT dag_run_note_dr_fkey FOREIGN KEY(dag_run_id) REFERENCES dag_run (id) ON DELETE CASCADE
)
--;
CREATE TABLE deadline (
	id UUID NOT NULL,
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	last_updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	dagrun_id INTEGER,
	deadline_time TIMESTAMP WITH TIME ZONE NOT NULL,
	missed BOOLEAN NOT NULL,
	callback_id UUID NOT NULL,
	deadline_alert_id UUID,
	CONSTRAINT deadline_pkey PRIMARY KEY (id),
	CONSTRAINT deadline_dagrun_id_fkey FOREIGN KEY(dagrun_id) REFERENCES dag_run (id) ON DELETE CASCADE,
	CONSTRAINT deadline_callback_id_fkey FOREIGN KEY(callback_id) REFERENCES callback (id) ON DELETE CASCADE,
	CONSTRAINT deadline_deadline_alert_id_fkey FOREIGN KEY(deadline_alert_id) REFERENCES deadline_alert (id) ON DELETE SET NULL
)
--;
CREATE INDEX deadline_missed_deadline_time_idx ON deadline (missed, deadline_time)
--;
CREATE INDEX deadline_callback_id_idx ON deadline (callback_id)
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
CREATE TABLE task_map (
	dag_id VARCHAR(250) NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	run_id VARCHAR(250) NOT NULL,
	map_index INTEGER NOT NULL,
	length INTEGER NOT NULL,
	keys JSONB,
	CONSTRAINT task_map_pkey PRIMARY KEY (dag_id, task_id, run_id, map_index),
	CONSTRAINT ck_task_map_task_map_length_not_negative CHECK (length >= 0),
	CONSTRAINT task_map_task_instance_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
CREATE TABLE task_reschedule (
	id SERIAL NOT NULL,
	ti_id UUID NOT NULL,
	start_date TIMESTAMP WITH TIME ZONE NOT NULL,
	end_date TIMESTAMP WITH TIME ZONE NOT NULL,
	duration INTEGER NOT NULL,
	reschedule_date TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT task_reschedule_pkey PRIMARY KEY (id),
	CONSTRAINT task_reschedule_ti_fkey FOREIGN KEY(ti_id) REFERENCES task_instance (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_task_reschedule_ti_id_id_desc ON task_reschedule (ti_id, id DESC)
--;
CREATE TABLE xcom (
	dag_run_id INTEGER NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	map_index INTEGER DEFAULT '-1' NOT NULL,
	key VARCHAR(512) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	run_id VARCHAR(250) NOT NULL,
	value JSONB,
	timestamp TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT xcom_pkey PRIMARY KEY (dag_run_id, task_id, map_index, key),
	CONSTRAINT xcom_task_instance_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
)
--;
CREATE INDEX idx_xcom_key ON xcom (key)
--;
CREATE INDEX idx_xcom_task_instance ON xcom (dag_id, task_id, run_id, map_index)
--;
CREATE TABLE task_instance_note (
	ti_id UUID NOT NULL,
	user_id VARCHAR(128),
	content VARCHAR(1000),
	created_at TIMESTAMP WITH TIME ZONE NOT NULL,
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT task_instance_note_pkey PRIMARY KEY (ti_id),
	CONSTRAINT task_instance_note_ti_fkey FOREIGN KEY(ti_id) REFERENCES task_instance (id) ON DELETE CASCADE ON UPDATE CASCADE
)
--;
CREATE TABLE task_instance_history (
	task_instance_id UUID NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	dag_id VARCHAR(250) NOT NULL,
	run_id VARCHAR(250) NOT NULL,
	map_index INTEGER DEFAULT '-1' NOT NULL,
	try_number INTEGER NOT NULL,
	start_date TIMESTAMP WITH TIME ZONE,
	end_date TIMESTAMP WITH TIME ZONE,
	duration FLOAT,
	state VARCHAR(20),
	max_tries INTEGER DEFAULT '-1',
	hostname VARCHAR(1000),
	unixname VARCHAR(1000),
	pool VARCHAR(256) NOT NULL,
	pool_slots INTEGER NOT NULL,
	queue VARCHAR(256),
	priority_weight INTEGER,
	operator VARCHAR(1000),
	custom_operator_name VARCHAR(1000),
	queued_dttm TIMESTAMP WITH TIME ZONE,
	scheduled_dttm TIMESTAMP WITH TIME ZONE,
	queued_by_job_id INTEGER,
	pid INTEGER,
	executor VARCHAR(1000),
	executor_config BYTEA,
	updated_at TIMESTAMP WITH TIME ZONE,
	rendered_map_index VARCHAR(250),
	context_carrier JSONB,
	span_status VARCHAR(250) DEFAULT 'not_started' NOT NULL,
	external_executor_id TEXT,
	trigger_id INTEGER,
	trigger_timeout TIMESTAMP WITHOUT TIME ZONE,
	next_method VARCHAR(1000),
	next_kwargs JSONB,
	task_display_name VARCHAR(2000),
	dag_version_id UUID,
	CONSTRAINT task_instance_history_pkey PRIMARY KEY (task_instance_id),
	CONSTRAINT task_instance_history_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE ON UPDATE CASCADE,
	CONSTRAINT task_instance_history_dtrt_uq UNIQUE (dag_id, task_id, run_id, map_index, try_number)
)
--;
CREATE INDEX idx_tih_dag_run ON task_instance_history (dag_id, run_id)
--;
CREATE TABLE rendered_task_instance_fields (
	dag_id VARCHAR(250) NOT NULL,
	task_id VARCHAR(250) NOT NULL,
	run_id VARCHAR(250) NOT NULL,
	map_index INTEGER DEFAULT '-1' NOT NULL,
	rendered_fields JSON NOT NULL,
	k8s_pod_yaml JSON,
	CONSTRAINT rendered_task_instance_fields_pkey PRIMARY KEY (dag_id, task_id, run_id, map_index),
	CONSTRAINT rtif_ti_fkey FOREIGN KEY(dag_id, task_id, run_id, map_index) REFERENCES task_instance (dag_id, task_id, run_id, map_index) ON DELETE CASCADE
)
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
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
)
--;
CREATE SEQUENCE ab_permission_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_permission (
	id INTEGER NOT NULL,
	name VARCHAR(100) NOT NULL,
	CONSTRAINT ab_permission_pkey PRIMARY KEY (id),
	CONSTRAINT ab_permission_name_uq UNIQUE (name)
)
--;
CREATE SEQUENCE ab_view_menu_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_view_menu (
	id INTEGER NOT NULL,
	name VARCHAR(250) NOT NULL,
	CONSTRAINT ab_view_menu_pkey PRIMARY KEY (id),
	CONSTRAINT ab_view_menu_name_uq UNIQUE (name)
)
--;
CREATE SEQUENCE ab_role_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_role (
	id INTEGER NOT NULL,
	name VARCHAR(64) NOT NULL,
	CONSTRAINT ab_role_pkey PRIMARY KEY (id),
	CONSTRAINT ab_role_name_uq UNIQUE (name)
)
--;
CREATE SEQUENCE ab_group_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_group (
	id INTEGER NOT NULL,
	name VARCHAR(100) NOT NULL,
	label VARCHAR(150),
	description VARCHAR(512),
	CONSTRAINT ab_group_pkey PRIMARY KEY (id),
	CONSTRAINT ab_group_name_uq UNIQUE (name)
)
--;
CREATE SEQUENCE ab_user_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_user (
	id INTEGER NOT NULL,
	first_name VARCHAR(256) NOT NULL,
	last_name VARCHAR(256) NOT NULL,
	username VARCHAR(512) NOT NULL,
	password VARCHAR(256),
	active BOOLEAN,
	email VARCHAR(512) NOT NULL,
	last_login TIMESTAMP WITHOUT TIME ZONE,
	login_count INTEGER,
	fail_login_count INTEGER,
	created_on TIMESTAMP WITHOUT TIME ZONE,
	changed_on TIMESTAMP WITHOUT TIME ZONE,
	created_by_fk INTEGER,
	changed_by_fk INTEGER,
	CONSTRAINT ab_user_pkey PRIMARY KEY (id),
	CONSTRAINT ab_user_username_uq UNIQUE (username),
	CONSTRAINT ab_user_email_uq UNIQUE (email),
	CONSTRAINT ab_user_created_by_fk_fkey FOREIGN KEY(created_by_fk) REFERENCES ab_user (id),
	CONSTRAINT ab_user_changed_by_fk_fkey FOREIGN KEY(changed_by_fk) REFERENCES ab_user (id)
)
--;
CREATE UNIQUE INDEX idx_ab_user_username ON ab_user (lower(username))
--;
CREATE SEQUENCE ab_register_user_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_register_user (
	id INTEGER NOT NULL,
	first_name VARCHAR(256) NOT NULL,
	last_name VARCHAR(256) NOT NULL,
	username VARCHAR(512) NOT NULL,
	password VARCHAR(256),
	email VARCHAR(512) NOT NULL,
	registration_date TIMESTAMP WITHOUT TIME ZONE,
	registration_hash VARCHAR(256),
	CONSTRAINT ab_register_user_pkey PRIMARY KEY (id),
	CONSTRAINT ab_register_user_username_uq UNIQUE (username),
	CONSTRAINT ab_register_user_email_uq UNIQUE (email)
)
--;
CREATE UNIQUE INDEX idx_ab_register_user_username ON ab_register_user (lower(username))
--;
CREATE SEQUENCE ab_group_role_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_group_role (
	id INTEGER NOT NULL,
	group_id INTEGER,
	role_id INTEGER,
	CONSTRAINT ab_group_role_pkey PRIMARY KEY (id),
	CONSTRAINT ab_group_role_group_id_role_id_uq UNIQUE (group_id, role_id),
	CONSTRAINT ab_group_role_group_id_fkey FOREIGN KEY(group_id) REFERENCES ab_group (id) ON DELETE CASCADE,
	CONSTRAINT ab_group_role_role_id_fkey FOREIGN KEY(role_id) REFERENCES ab_role (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_group_role_id ON ab_group_role (role_id)
--;
CREATE INDEX idx_group_id ON ab_group_role (group_id)
--;
CREATE SEQUENCE ab_user_role_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_user_role (
	id INTEGER NOT NULL,
	user_id INTEGER,
	role_id INTEGER,
	CONSTRAINT ab_user_role_pkey PRIMARY KEY (id),
	CONSTRAINT ab_user_role_user_id_role_id_uq UNIQUE (user_id, role_id),
	CONSTRAINT ab_user_role_user_id_fkey FOREIGN KEY(user_id) REFERENCES ab_user (id) ON DELETE CASCADE,
	CONSTRAINT ab_user_role_role_id_fkey FOREIGN KEY(role_id) REFERENCES ab_role (id) ON DELETE CASCADE
)
--;
CREATE SEQUENCE ab_user_group_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_user_group (
	id INTEGER NOT NULL,
	user_id INTEGER,
	group_id INTEGER,
	CONSTRAINT ab_user_group_pkey PRIMARY KEY (id),
	CONSTRAINT ab_user_group_user_id_group_id_uq UNIQUE (user_id, group_id),
	CONSTRAINT ab_user_group_user_id_fkey FOREIGN KEY(user_id) REFERENCES ab_user (id) ON DELETE CASCADE,
	CONSTRAINT ab_user_group_group_id_fkey FOREIGN KEY(group_id) REFERENCES ab_group (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_user_group_id ON ab_user_group (group_id)
--;
CREATE INDEX idx_user_id ON ab_user_group (user_id)
--;
CREATE SEQUENCE ab_permission_view_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_permission_view (
	id INTEGER NOT NULL,
	permission_id INTEGER NOT NULL,
	view_menu_id INTEGER NOT NULL,
	CONSTRAINT ab_permission_view_pkey PRIMARY KEY (id),
	CONSTRAINT ab_permission_view_permission_id_view_menu_id_uq UNIQUE (permission_id, view_menu_id),
	CONSTRAINT ab_permission_view_permission_id_fkey FOREIGN KEY(permission_id) REFERENCES ab_permission (id),
	CONSTRAINT ab_permission_view_view_menu_id_fkey FOREIGN KEY(view_menu_id) REFERENCES ab_view_menu (id)
)
--;
CREATE SEQUENCE ab_permission_view_role_id_seq INCREMENT BY 1 START WITH 1 MINVALUE 1 NO CYCLE
--;
CREATE TABLE ab_permission_view_role (
	id INTEGER NOT NULL,
	permission_view_id INTEGER,
	role_id INTEGER,
	CONSTRAINT ab_permission_view_role_pkey PRIMARY KEY (id),
	CONSTRAINT ab_permission_view_role_permission_view_id_role_id_uq UNIQUE (permission_view_id, role_id),
	CONSTRAINT ab_permission_view_role_permission_view_id_fkey FOREIGN KEY(permission_view_id) REFERENCES ab_permission_view (id) ON DELETE CASCADE,
	CONSTRAINT ab_permission_view_role_role_id_fkey FOREIGN KEY(role_id) REFERENCES ab_role (id) ON DELETE CASCADE
)
--;
CREATE INDEX idx_permission_view_id ON ab_permission_view_role (permission_view_id)
--;
CREATE INDEX idx_role_id ON ab_permission_view_role (role_id)
--;
CREATE TABLE alembic_version_fab (
	version_num VARCHAR(32) NOT NULL,
	CONSTRAINT alembic_version_fab_pkc PRIMARY KEY (version_num)
)
--;
CREATE TABLE session (
	id SERIAL NOT NULL,
	session_id VARCHAR(255),
	data BYTEA,
	expiry TIMESTAMP WITHOUT TIME ZONE,
	PRIMARY KEY (id),
	UNIQUE (session_id)
)
