-- Make many event lists of the few that a collection has: metadata only, for benchmarks. Each copy of
-- a row has an identifier, a time, a place on the sky and energies of its own; all are simulated.
--
-- Run by bench/instance.py.

-- Cells of all orders from 24 on are moved by whole cells if the shift is a multiple of 2^37 microseconds.
CREATE OR REPLACE FUNCTION pg_temp.moved_tmoc(moc text, shifts bigint) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT AS $func$
DECLARE
  word text;
  cells text;
  cell_order integer;
  moved text := '';
  shift bigint;
BEGIN
  FOREACH word IN ARRAY string_to_array(moc, ' ') LOOP
    IF word LIKE '%/%' THEN
      cell_order := split_part(word, '/', 1)::integer;
      IF cell_order < 24 THEN
        RAISE EXCEPTION 'Cells of order % in %', cell_order, moc;
      END IF;
      shift := shifts << (37 - (61 - cell_order));
      moved := moved || ' ' || cell_order || '/';
      cells := split_part(word, '/', 2);
    ELSE
      moved := moved || ' ';
      cells := word;
    END IF;
    IF cells LIKE '%-%' THEN
      moved := moved || split_part(cells, '-', 1)::bigint + shift || '-' || split_part(cells, '-', 2)::bigint + shift;
    ELSIF cells <> '' THEN
      moved := moved || cells::bigint + shift;
    END IF;
  END LOOP;
  RETURN ltrim(moved, ' ');
END
$func$;

-- 30 bits from a name: the same in each run.
CREATE OR REPLACE FUNCTION pg_temp.part(name text, number integer) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT AS $func$
  SELECT (hashtextextended(name, number) & 1073741823) / 1073741824.0::double precision
$func$;

CREATE OR REPLACE FUNCTION pg_temp.multiply(collection text, wanted bigint) RETURNS bigint
LANGUAGE plpgsql AS $func$
DECLARE
  target regclass := (collection || '.obscore')::regclass;
  indexes text[];
  definition text;
  named text;
  existing bigint;
  first_copy bigint;
  last_copy bigint;
  columns text;
  expressions text;
BEGIN
  EXECUTE format('CREATE TEMPORARY TABLE base AS SELECT * FROM %s WHERE obs_id NOT LIKE ''%%~%%''', target);
  SELECT count(*) INTO existing FROM base;
  EXECUTE format('SELECT coalesce(max(split_part(obs_id, ''~'', 2)::bigint), 0) + 1 FROM %s WHERE obs_id LIKE ''%%~%%''',
    target) INTO first_copy;
  last_copy := ceil(wanted::numeric / existing)::bigint - 1;
  SELECT array_agg(pg_get_indexdef(indexrelid)), string_agg(indexrelid::regclass::text, ', ') INTO indexes, named
    FROM pg_index WHERE indrelid = target AND NOT indisprimary;
  EXECUTE 'DROP INDEX ' || named;
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg(CASE attname
      WHEN 'obs_id' THEN 'b.obs_id || ''~'' || k'
      WHEN 'obs_publisher_did' THEN 'b.obs_publisher_did || ''~'' || k'
      WHEN 'target_name' THEN 'b.target_name || '' '' || k % 1000'
      WHEN 't_min' THEN 'b.t_min + days'
      WHEN 't_max' THEN 'b.t_max + days'
      WHEN 't_intervals' THEN 'pg_temp.moved_tmoc(b.t_intervals, shifts)'
      WHEN 's_ra' THEN 'degrees(long(place))'
      WHEN 's_dec' THEN 'degrees(lat(place))'
      WHEN 's_region' THEN 'b.s_region + turn'
      WHEN 'energy_min' THEN 'b.energy_min * factor'
      WHEN 'energy_max' THEN 'b.energy_max * factor'
      WHEN 'em_min' THEN 'b.em_min / factor'
      WHEN 'em_max' THEN 'b.em_max / factor'
      WHEN 'ev_xel' THEN '(b.ev_xel * factor)::bigint'
      ELSE 'b.' || quote_ident(attname) END, ', ' ORDER BY attnum)
    INTO columns, expressions FROM pg_attribute WHERE attrelid = target AND attnum > 0 AND NOT attisdropped;
  -- Factors of the energies are from 0.001 to 1000, few of them far from 1.
  EXECUTE format($sql$
    INSERT INTO %1$s (%2$s) SELECT %3$s
    FROM generate_series(%4$s, %5$s) AS k CROSS JOIN base AS b
    CROSS JOIN LATERAL (SELECT
      strans(2 * pi() * pg_temp.part(b.obs_id || k, 1), acos(2 * pg_temp.part(b.obs_id || k, 2) - 1),
        2 * pi() * pg_temp.part(b.obs_id || k, 3), 'ZXZ') AS turn,
      (pg_temp.part(b.obs_id || k, 4) * 8000)::bigint - 4000 AS shifts,
      power(10, 3 * power(2 * pg_temp.part(b.obs_id || k, 5) - 1, 5)) AS factor
    ) AS chosen
    CROSS JOIN LATERAL (SELECT
      spoint(radians(b.s_ra), radians(b.s_dec)) + turn AS place, shifts * power(2, 37) / 86400e6 AS days
    ) AS derived $sql$, target, columns, expressions, first_copy, last_copy);
  FOREACH definition IN ARRAY indexes LOOP
    EXECUTE definition;
  END LOOP;
  DROP TABLE base;
  RETURN (last_copy - first_copy + 1) * existing;
END
$func$;
