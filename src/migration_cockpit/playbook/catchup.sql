-- What unpausing each DAG would start, on a 3.x schema whose DAGs are parsed.
-- A cron trigger of 3.x has an empty data interval: the distance between its runs is taken from history then.
with newest as (
    select distinct on (s.dag_id) s.dag_id, (s.data -> 'dag' ->> 'catchup')::boolean as catchup
    from serialized_dag s
    order by s.dag_id, s.created_at desc
),
stepped as (
    select d.dag_id, d.max_active_runs, d.next_dagrun_create_after as due_since,
           coalesce(n.catchup, false) as catchup,
           nullif(d.next_dagrun_data_interval_end - d.next_dagrun_data_interval_start, interval '0') as step
    from dag d
    left join newest n on n.dag_id = d.dag_id
    where d.dag_id = any(%(dag_ids)s) and not d.is_stale and d.next_dagrun_create_after <= now()
),
counted as (
    select s.*,
           coalesce(s.step, (
               select percentile_cont(0.5) within group (order by r.gap)
               from (
                   select run_after - lag(run_after) over (order by run_after) as gap
                   from dag_run
                   where dag_id = s.dag_id and run_type = 'scheduled'
                   order by run_after desc
                   limit 20
               ) r
               where r.gap > interval '0'
           )) as distance,
           (select count(*) from dag_run r where r.dag_id = s.dag_id and r.state in ('queued', 'running')) as active
    from stepped s
),
missed as (
    select c.*,
           case when c.distance is null then 1
                else 1 + floor(extract(epoch from now() - c.due_since) / extract(epoch from c.distance))
           end::int as intervals
    from counted c
)
select dag_id, catchup, intervals,
       case when catchup then intervals else 1 end as runs,
       least(case when catchup then intervals else 1 end, greatest(max_active_runs - active, 0))::int as first_wave
from missed
order by first_wave desc, dag_id
