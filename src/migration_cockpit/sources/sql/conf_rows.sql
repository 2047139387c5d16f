-- DAG runs whose conf the migration converts one by one: a protocol-5 pickle of the empty dict is passed over.
select count(*) from dag_run where conf is not null and conf <> '\x80057D942E'::bytea
