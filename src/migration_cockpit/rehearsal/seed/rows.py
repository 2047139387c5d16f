"""The INSERT statements of the history. `%(name)s` are bound; pseudo-random choices are arithmetic on row numbers."""

from __future__ import annotations

RUNS = """
INSERT INTO dag_run (dag_id, queued_at, execution_date, start_date, end_date, state, run_id, external_trigger, run_type,
    conf, data_interval_start, data_interval_end, last_scheduling_decision, dag_hash, log_template_id, updated_at)
SELECT dag_id, due, logical, due + interval '1 second', due + interval '20 seconds',
    CASE WHEN (n * 7 + length(dag_id)) %% 53 = 0 THEN 'failed' ELSE 'success' END,
    kind || '__' || to_char(logical AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') || '+00:00',
    kind = 'manual', kind, CASE WHEN n %% 10 = 3 THEN %(conf)s ELSE %(empty)s END,
    logical, due, due + interval '20 seconds', md5(dag_id),
    (SELECT max(id) FROM log_template), due + interval '20 seconds'
FROM (
    SELECT d.dag_id, d.kind, n, d.last - (n - 1) * d.step AS logical, d.last - (n - 2) * d.step AS due
    FROM unnest(%(dags)s::text[], %(starts)s::timestamptz[], %(steps)s::interval[], %(types)s::text[])
        AS d(dag_id, last, step, kind), generate_series(1, %(runs)s) AS n
) AS runs
"""

TASK_INSTANCES = """
INSERT INTO task_instance (task_id, dag_id, run_id, map_index, start_date, end_date, duration, state, try_number,
    max_tries, hostname, unixname, job_id, pool, pool_slots, queue, priority_weight, operator, queued_dttm, pid,
    executor_config, updated_at, task_display_name)
SELECT task_id, dag_id, run_id, -1, begun, begun + took * interval '1 second', took, state, tries, 1,
    'airflow-worker-' || id %% 2, 'airflow', NULL, 'default_pool', 1, 'default', 3 - position, operator,
    begun - interval '1 second', 100 + id %% 30000, '\\x80057d942e'::bytea, begun + took * interval '1 second', task_id
FROM (
    SELECT t.*, r.run_id, r.id,
        r.start_date + t.position * (t.seconds + 1) * interval '1 second' AS begun,
        t.seconds * (0.8 + ((r.id * 31 + t.position * 17) %% 60) / 100.0) AS took,
        CASE WHEN r.state = 'failed' AND t.position > 0 THEN 'upstream_failed'
             WHEN r.state = 'failed' THEN 'failed' ELSE 'success' END AS state,
        CASE WHEN r.id %% 50 = 0 THEN 2 ELSE 1 END AS tries
    FROM unnest(%(dags)s::text[], %(tasks)s::text[], %(orders)s::int[], %(seconds)s::float8[], %(operators)s::text[])
        AS t(dag_id, task_id, position, seconds, operator) JOIN dag_run r USING (dag_id)
) AS instances
"""

XCOMS = """
INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
SELECT r.id, ti.task_id, -1, 'return_value', ti.dag_id, ti.run_id,
    CASE WHEN r.id %% 200 = 7 THEN %(pickled)s
         ELSE convert_to(json_build_object('rows', r.id * 13, 'dag', ti.dag_id)::text, 'UTF8') END, ti.end_date
FROM task_instance ti JOIN dag_run r USING (dag_id, run_id)
WHERE ti.priority_weight = 3 AND ti.state = 'success'
"""

HISTORY = """
INSERT INTO task_instance_history (task_id, dag_id, run_id, map_index, try_number, start_date, end_date, duration,
    state, max_tries, hostname, unixname, pool, pool_slots, queue, priority_weight, operator, executor_config,
    updated_at)
SELECT task_id, dag_id, run_id, map_index, 1, start_date - interval '1 minute', start_date - interval '59 seconds', 1,
    'failed', max_tries, hostname, unixname, pool, pool_slots, queue, priority_weight, operator, executor_config,
    start_date FROM task_instance WHERE try_number = 2
"""

RESCHEDULES = """
INSERT INTO task_reschedule (task_id, dag_id, run_id, map_index, try_number, start_date, end_date, duration,
    reschedule_date)
SELECT task_id, dag_id, run_id, -1, 1, start_date, end_date, 1, end_date + interval '1 minute'
FROM task_instance WHERE try_number = 2 AND pid % 3 = 0
"""

RENDERED = """
INSERT INTO rendered_task_instance_fields (dag_id, task_id, run_id, map_index, rendered_fields)
SELECT dag_id, task_id, run_id, -1, json_build_object('op_args', '[1.0]') FROM task_instance
WHERE end_date > (SELECT max(end_date) FROM task_instance) - interval '5 days'
"""

FAILS = """
INSERT INTO task_fail (task_id, dag_id, run_id, map_index, start_date, end_date, duration)
SELECT task_id, dag_id, run_id, -1, start_date, end_date, duration::int FROM task_instance WHERE state = 'failed'
"""

LOGS = """
INSERT INTO log (dttm, dag_id, task_id, map_index, event, execution_date, run_id, owner, owner_display_name, try_number)
SELECT start_date, dag_id, task_id, -1, 'running', NULL, run_id, 'airflow', 'airflow', 1
FROM task_instance WHERE priority_weight = 3
"""

JOBS = """
INSERT INTO job (dag_id, state, job_type, start_date, end_date, latest_heartbeat, hostname, unixname)
SELECT dag_id, 'success', 'LocalTaskJob', start_date, end_date, end_date, hostname, unixname
FROM task_instance WHERE pid % 4 = 0
"""

LIVE_RUN = """
INSERT INTO dag_run (dag_id, queued_at, execution_date, start_date, state, run_id, external_trigger, run_type, conf,
    data_interval_start, data_interval_end, last_scheduling_decision, log_template_id, updated_at)
VALUES (%(dag)s, %(moment)s, %(moment)s, %(moment)s, 'running', %(run)s, true, 'manual', %(conf)s, %(moment)s,
    %(moment)s, %(moment)s, (SELECT max(id) FROM log_template), %(moment)s)
"""

LIVE_TASK = """
INSERT INTO task_instance (task_id, dag_id, run_id, map_index, start_date, state, try_number, max_tries, hostname,
    unixname, pool, pool_slots, queue, priority_weight, operator, queued_dttm, pid, executor_config, updated_at,
    task_display_name)
VALUES (%(task)s, %(dag)s, %(run)s, -1, %(start)s, %(state)s, %(try)s, 0, 'airflow-worker-0', 'airflow',
    'default_pool', 1, 'default', 3, %(operator)s, %(queued)s, 4242, '\\x80057d942e'::bytea, %(moment)s, %(task)s)
"""

COUNTS = {
    "dag_run": "SELECT count(*) FROM dag_run",
    "task_instance": "SELECT count(*) FROM task_instance",
    "xcom": "SELECT count(*) FROM xcom",
}
