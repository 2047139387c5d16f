-- The rows that came since a recovery point, one JSON document each. {logical} is the date's name in this generation.
select json_build_object(
    'table', 'dag_run', 'dag_id', dag_id, 'run_id', run_id, 'run_type', run_type, 'state', state,
    'logical_date', {logical}, 'start_date', start_date, 'end_date', end_date
)::text
from dag_run where id > %(dag_run)s
union all
select json_build_object(
    'table', 'task_instance', 'dag_id', ti.dag_id, 'run_id', ti.run_id, 'task_id', ti.task_id,
    'map_index', ti.map_index, 'state', ti.state, 'try_number', ti.try_number,
    'start_date', ti.start_date, 'end_date', ti.end_date
)::text
from task_instance ti join dag_run r on r.dag_id = ti.dag_id and r.run_id = ti.run_id
where r.id > %(dag_run)s or (r.id = any(%(open_runs)s) and ti.end_date > %(at)s)
union all
select json_build_object(
    'table', 'xcom', 'dag_id', dag_id, 'run_id', run_id, 'task_id', task_id, 'map_index', map_index, 'key', key
)::text
from xcom where dag_run_id > %(dag_run)s or (dag_run_id = any(%(open_runs)s) and timestamp > %(at)s)
union all
select json_build_object(
    'table', 'log', 'id', id, 'dttm', dttm, 'event', event, 'dag_id', dag_id, 'task_id', task_id, 'owner', owner
)::text
from log where id > %(log)s
