-- What costs more than an index look-up, asked less often: one row, one JSON document.
-- %(since)s is the cut-over, or null before it. The canary's own runs are judged by the step that starts them.
select json_build_object(
    'half_done_runs', ({half_done_runs}),
    'failures', (
        select count(*) from task_instance
        where %(since)s::timestamptz is not null and state = 'failed' and end_date > %(since)s::timestamptz
          and dag_id <> %(canary)s
    ),
    'newest_failures', (
        select coalesce(json_agg(f), '[]') from (
            select dag_id, task_id, run_id, map_index, state, end_date as since, coalesce(hostname, '') as host
            from task_instance
            where %(since)s::timestamptz is not null and state = 'failed' and end_date > %(since)s::timestamptz
          and dag_id <> %(canary)s
            order by end_date desc limit 8
        ) f
    )
)::text
