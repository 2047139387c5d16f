-- The shape of an Airflow metadata database as comparable rows: (kind, table_name, name, definition).
--
--   column      name = column,      definition = type [NOT NULL] [DEFAULT expression]
--   constraint  name = constraint,  definition = PRIMARY KEY / UNIQUE / FOREIGN KEY / CHECK as the server prints it
--   index       name = index,       definition = [UNIQUE] USING method (columns) [predicate]; those of constraints left out
--
-- The references in advice/schema/ are made by this very file, so a row is either in both or it is a difference.
-- Only the schema of the search path is read (Airflow's own default), and not the tables into which a migration or
-- `airflow db clean` moves rows aside. The NOT NULL constraints that PostgreSQL 18 lists beside the columns are left
-- out: the columns say it in every version.
--
-- Not while a migration runs: printing a default or a CHECK expression takes an ACCESS SHARE lock in newer servers.
WITH tables AS (
    SELECT c.oid, c.relname
    FROM pg_catalog.pg_class AS c
    WHERE c.relnamespace = pg_catalog.to_regnamespace(pg_catalog.quote_ident(current_schema()))
      AND c.relkind IN ('r', 'p')
      AND c.relname <> '_xcom_archive'
      AND c.relname !~ '^_airflow_(moved|deleted)__'
)
SELECT 'column' AS kind,
       t.relname::text AS table_name,
       a.attname::text AS name,
       pg_catalog.format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
           || COALESCE(' DEFAULT ' || pg_catalog.pg_get_expr(d.adbin, d.adrelid), '') AS definition
FROM tables AS t
JOIN pg_catalog.pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = t.oid AND d.adnum = a.attnum
UNION ALL
SELECT 'constraint', t.relname::text, k.conname::text, pg_catalog.pg_get_constraintdef(k.oid)
FROM tables AS t
JOIN pg_catalog.pg_constraint AS k ON k.conrelid = t.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x')
UNION ALL
SELECT 'index', t.relname::text, r.relname::text,
       CASE WHEN i.indisunique THEN 'UNIQUE ' ELSE '' END
           || pg_catalog.substring(pg_catalog.pg_get_indexdef(i.indexrelid), ' (USING .*)$')
           || CASE WHEN i.indisvalid THEN '' ELSE ' INVALID' END
FROM tables AS t
JOIN pg_catalog.pg_index AS i ON i.indrelid = t.oid
JOIN pg_catalog.pg_class AS r ON r.oid = i.indexrelid
WHERE NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint AS k WHERE k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x'))
ORDER BY 1, 2, 3;
