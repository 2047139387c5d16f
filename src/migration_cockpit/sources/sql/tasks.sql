-- Task instances by live state, the oldest of them, and the DAG counts: one row, one JSON document.
-- {current} says which DAGs count: `is_active` in Airflow 2, `not is_stale` in 3.
-- No age filter: a task that has been running for hours is the one that matters most.
select json_build_object(
    'states', (
        select coalesce(json_object_agg(state, n), '{{}}') from (
            select state, count(*) as n from task_instance
            where state in (
                'running', 'queued', 'restarting', 'scheduled', 'deferred', 'up_for_reschedule', 'up_for_retry'
            )
            group by state
        ) s
    ),
    'oldest', (
        select coalesce(json_agg(o), '[]') from (
            select dag_id, task_id, run_id, map_index, state, coalesce(start_date, queued_dttm) as since,
                   coalesce(hostname, '') as host
            from task_instance where state in ('running', 'queued', 'restarting')
            order by coalesce(start_date, queued_dttm) nulls last, dag_id, task_id, run_id, map_index
            limit 8
        ) o
    ),
    'paused', (select count(*) from dag where {current} and is_paused),
    'total', (select count(*) from dag where {current}),
    'import_errors', (select count(*) from import_error),
    'serialized', (select count(distinct dag_id) from serialized_dag)
)::text
