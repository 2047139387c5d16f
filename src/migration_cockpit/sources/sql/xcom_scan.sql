-- Whether a stretch of xcom survives the target version's own conversion, read as that version converts it. The whole
-- stretch is converted in one statement; only where that fails is it gone through value by value, for a block with an
-- exception handler costs more than the conversion. Nothing is written, no lock outlives the statement. The answer is
-- in the setting migration_cockpit.scan. {low} and {high} are blocks; {sanitised} is the target's expression over `t`,
-- {again} what it does to a text that is no JSON then.
do $scan$
declare
    one record;
    t text;
    kind text;
    rows bigint;
    pickled bigint;
    bad jsonb := '[]';
begin
    select count(*), count(*) filter (where octet_length(value) > 0 and get_byte(value, 0) = 128) into rows, pickled
    from xcom where ctid >= '({low},0)' and ctid < '({high},0)';
    begin
        perform count(({sanitised})::jsonb)
        from (select convert_from(value, 'UTF8') as t from xcom
              where ctid >= '({low},0)' and ctid < '({high},0)' and value is not null and get_byte(value, 0) <> 128) s;
    exception when others then
        for one in select dag_id, task_id, run_id, key, value from xcom
            where ctid >= '({low},0)' and ctid < '({high},0)' and value is not null
        loop
            kind := '';
            t := null;
            begin
                if get_byte(one.value, 0) = 128 then
                    continue;
                end if;
                t := convert_from(one.value, 'UTF8');
                begin
                    perform ({sanitised})::jsonb;
                exception when others then
                    perform ({again})::jsonb;
                end;
            exception
                when array_subscript_error then kind := 'empty';
                when character_not_in_repertoire then kind := 'encoding';
                when untranslatable_character then kind := 'nul';
                when others then kind := case when t ~ '(NaN|Infinity)' then 'nan' else 'json' end;
            end;
            if kind <> '' then
                bad := bad || jsonb_build_object(
                    'kind', kind, 'dag', one.dag_id, 'task', one.task_id, 'run', one.run_id, 'key', one.key);
            end if;
        end loop;
    end;
    perform set_config('migration_cockpit.scan',
        jsonb_build_object('rows', rows, 'pickled', pickled, 'bad', bad)::text, false);
end
$scan$
