-- What came since a recovery point, by the keys marked then: one row, one JSON document.
-- Each count goes by an index of both generations: a scan of a whole table would be felt.
select json_build_object(
    'dag_runs', (select count(*) from dag_run where id > %(dag_run)s),
    'new_tasks', (
        select count(*) from task_instance ti join dag_run r on r.dag_id = ti.dag_id and r.run_id = ti.run_id
        where r.id > %(dag_run)s
    ),
    'open_tasks', (
        select count(*) from task_instance ti join dag_run r on r.dag_id = ti.dag_id and r.run_id = ti.run_id
        where r.id = any(%(open_runs)s)
    ),
    'went_on', (
        select count(*) from task_instance ti join dag_run r on r.dag_id = ti.dag_id and r.run_id = ti.run_id
        where r.id = any(%(open_runs)s) and ti.end_date > %(at)s
    ),
    'new_xcoms', (select count(*) from xcom where dag_run_id > %(dag_run)s),
    'open_xcoms', (select count(*) from xcom where dag_run_id = any(%(open_runs)s)),
    'logs', (select count(*) from log where id > %(log)s),
    'connections', ({connections}),
    'variables', ({variables}),
    'newest', (
        select coalesce(json_agg(n), '[]') from (
            select dag_id, run_id, coalesce(state, '') as state, coalesce(start_date, queued_at) as at
            from dag_run where id > %(dag_run)s order by id desc limit 5
        ) n
    )
)::text
