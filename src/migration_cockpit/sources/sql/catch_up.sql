-- What unpausing DAGs starts at once: a row for each of them for which something is due.
-- %(dags)s are the DAGs, %(default)s is [scheduler] catchup_by_default. Airflow 2 leaves `catchup` out of a serialized
-- DAG that has the default; 3 always says it. The distance between ticks is that of the next data interval; in 3 a
-- cron schedule has intervals of no length, there it is the median distance of the last scheduled runs.
with candidates as (
    select d.dag_id, d.max_active_runs, d.next_dagrun_create_after as due_since,
           coalesce((s.data -> 'dag' ->> 'catchup')::boolean, %(default)s) as catchup,
           d.next_dagrun_data_interval_end - d.next_dagrun_data_interval_start as step
    from dag d
    left join serialized_dag s on s.dag_id = d.dag_id and {newest_serialized}
    where d.dag_id = any(%(dags)s) and {current} and {not_full}
),
stepped as (
    select c.*, case when c.step > interval '0' then c.step else h.step end as known
    from candidates c
    left join lateral (
        select percentile_cont(0.5) within group (order by gap) as step from (
            select {tick} - lag({tick}) over (order by {tick}) as gap from (
                select {tick} from dag_run r
                where r.dag_id = c.dag_id and r.run_type = 'scheduled' order by {tick} desc limit 10
            ) last_runs
        ) gaps
        where gap > interval '0'
    ) h on true
),
counted as (
    select s.*,
           case
               when due_since is null or due_since > now() then 0
               when known is null then 1
               else 1 + floor(extract(epoch from now() - due_since) / extract(epoch from known))::int
           end as missed,
           (select count(*) from dag_run r where r.dag_id = s.dag_id and r.state in ('queued', 'running')) as alive,
           (select count(*) from {asset_queue} q where q.target_dag_id = s.dag_id) as assets
    from stepped s
)
select dag_id, catchup, missed,
       case
           when missed = 0 and assets = 0 then 0
           when catchup then greatest(least(greatest(missed, 1), max_active_runs - alive), 0)
           else 1
       end::int,
       case when catchup then 0 else greatest(missed - 1, 0) end,
       assets::int,
       known is not null
from counted
where missed > 0 or assets > 0
order by dag_id
