-- Running DAG runs none of whose tasks run: they stay so while their DAG is paused, and resume when it is unpaused.
select count(*) from dag_run r
where r.state = 'running' and not exists (
    select from task_instance t
    where t.dag_id = r.dag_id and t.run_id = r.run_id and t.state in ('running', 'queued', 'restarting')
)
