-- How far the tables are, at a recovery point, while nobody writes: one row, one JSON document. Values of connections
-- and variables leave the server as salted hashes only.
select json_build_object(
    'dag_run', (select coalesce(max(id), 0) from dag_run),
    'log', (select coalesce(max(id), 0) from log),
    'open_runs', (select coalesce(json_agg(id order by id), '[]') from dag_run where state in ('queued', 'running')),
    'open_tasks', (
        select count(*) from task_instance ti join dag_run r on r.dag_id = ti.dag_id and r.run_id = ti.run_id
        where r.state in ('queued', 'running')
    ),
    'open_xcoms', (
        select count(*) from xcom x join dag_run r on r.id = x.dag_run_id where r.state in ('queued', 'running')
    ),
    'connections', ({connections}),
    'variables', ({variables})
)::text
