-- How long tasks usually take: the median of their last 20 successful runs, seconds.
select w.dag_id, w.task_id, percentile_cont(0.5) within group (order by d.duration)
from unnest(%(dags)s::text[], %(tasks)s::text[]) as w (dag_id, task_id)
cross join lateral (
    select t.duration from task_instance t
    where t.dag_id = w.dag_id and t.task_id = w.task_id and t.state = 'success' and t.duration is not null
    order by t.end_date desc nulls last
    limit 20
) d
group by 1, 2
