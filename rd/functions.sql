-- Time coverage and energy ranges in the database: what the ADQL functions of adql_functions.py are
-- made of. docs/adql-functions.md says what they mean.
--
-- A set of times is an int8multirange of microseconds in TCB, counted from JD 0: the cells of order 61
-- of a time MOC (MOC 2.0, section 4.2). All names are qualified, because the functions stand in indexes,
-- and PostgreSQL builds and vacuums these under a search path of its own.
--
-- The file may be run again at any time, also while indexes use what it defines.

DO $do$
BEGIN
  IF to_regtype('public.energy_range') IS NULL THEN
    -- PostgreSQL has no range over double precision, and numeric would round to 15 digits.
    CREATE TYPE public.energy_range AS RANGE (subtype = double precision, subtype_diff = float8mi);
  END IF;
END
$do$;

COMMENT ON TYPE public.energy_range IS 'A range of energies, in eV';

-- This runs for every candidate row of an index. It is in PL/pgSQL, because to start a query, as
-- a function in SQL does, takes longer than to go through the dozen cells of a usual MOC.
CREATE OR REPLACE FUNCTION public.tmoc_ranges(moc text) RETURNS int8multirange
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 300 AS $func$
DECLARE
  -- Words with an order, cells, or both; the first has an order.
  grammar CONSTANT text := replace(replace('^(?:O/(?:C)?(?: (?:O/(?:C)?|C))*)?$',
    'O', '(?:[0-9]|[1-5][0-9]|6[01])'), 'C', '[0-9]+(?:-[0-9]+)?');
  plain text := moc;
  word text;
  cell_order integer;
  cell_size bigint;
  first_cell bigint;
  last_cell bigint;
  spans int8range[] := '{}';
BEGIN
  IF plain !~ grammar THEN
    -- What is written by other hands may have newlines, commas, or the "t" of a space-time MOC.
    plain := regexp_replace(btrim(regexp_replace(moc, '[\s,]+', ' ', 'g')), '^[tT] ?', '');
    IF plain !~ grammar THEN
      RAISE EXCEPTION 'Not a time MOC: %', quote_literal(left(moc, 80)) USING
        ERRCODE = 'invalid_text_representation',
        HINT = 'Expected the ASCII form of MOC 2.0, such as ''31/197391127 41/202128513753-202128515366''.';
    END IF;
  END IF;
  FOREACH word IN ARRAY string_to_array(plain, ' ') LOOP
    IF word LIKE '%/%' THEN
      cell_order := split_part(word, '/', 1)::integer;
      cell_size := 1::bigint << (61 - cell_order);
      word := split_part(word, '/', 2);
      CONTINUE WHEN word = '';
    END IF;
    IF word NOT LIKE '%-%' THEN
      first_cell := word::bigint;
      last_cell := first_cell;
    ELSE
      first_cell := split_part(word, '-', 1)::bigint;
      last_cell := split_part(word, '-', 2)::bigint;
    END IF;
    IF first_cell > last_cell OR last_cell >> cell_order > 1 THEN
      RAISE EXCEPTION 'Not a time MOC: cells % at order %', quote_literal(left(word, 80)), cell_order USING
        ERRCODE = 'invalid_text_representation',
        HINT = format('At this order there are cells 0 to %s, and a range of them ascends.',
          (2::bigint << cell_order) - 1);
    END IF;
    spans := spans || int8range(first_cell * cell_size, (last_cell + 1) * cell_size);
  END LOOP;
  RETURN int8multirange(VARIADIC spans);
END
$func$;

COMMENT ON FUNCTION public.tmoc_ranges(text) IS
  'Times of a MOC in ASCII, in microseconds of TCB since JD 0; NULL of NULL, an error for what is no time MOC';

CREATE OR REPLACE FUNCTION public.tmoc_order(moc text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 200 AS $func$
DECLARE
  word text;
  deepest integer := 0;
BEGIN
  -- What stands before each slash ends with an order.
  FOREACH word IN ARRAY coalesce(string_to_array(substring(moc from '^(.*)/'), '/'), '{}') LOOP
    deepest := greatest(deepest, substring(word from '[0-9]{1,2}$')::integer);
  END LOOP;
  RETURN deepest;
END
$func$;

COMMENT ON FUNCTION public.tmoc_order(text) IS
  'The order of a time MOC in ASCII, which is the highest that is mentioned in it; 0 if none is';

-- At each order, a range is its part that is made of whole cells; what the cells of the order above
-- cover is left out, so that there is at most one cell at either end (or two cells, when nothing
-- is covered). The result is what mocpy writes, to the character.
CREATE OR REPLACE FUNCTION public.tmoc_text(times int8multirange, moc_order integer) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $func$
DECLARE
  written text;
  deepest integer;
BEGIN
  IF moc_order NOT BETWEEN 0 AND 61 OR moc_order < public.tmoc_order(times) THEN
    RAISE EXCEPTION 'A time MOC of order % cannot express these times', moc_order USING
      ERRCODE = 'numeric_value_out_of_range',
      HINT = format('They need order %s, and orders end at 61.', public.tmoc_order(times));
  END IF;
  SELECT string_agg(cells, ' ' ORDER BY cell_order), max(cell_order) INTO written, deepest FROM (
    SELECT 61 - shift AS cell_order, (61 - shift) || '/' || string_agg(
        CASE stop - start WHEN 1 THEN start::text ELSE start || '-' || stop - 1 END, ' ' ORDER BY start
      ) AS cells
    FROM unnest(times) AS span
      CROSS JOIN generate_series(61 - moc_order, 61) AS shift
      CROSS JOIN LATERAL (SELECT
        (lower(span) + (1::bigint << shift) - 1) >> shift AS low,
        upper(span) >> shift AS high,
        (lower(span) + (2::bigint << shift) - 1) >> (shift + 1) AS low_above,
        upper(span) >> (shift + 1) AS high_above
      ) AS ends
      CROSS JOIN LATERAL (SELECT shift < 61 AND low_above < high_above AS covered) AS above
      CROSS JOIN LATERAL (VALUES
        (low, CASE WHEN covered THEN 2 * low_above ELSE high END),
        (CASE WHEN covered THEN 2 * high_above END, high)
      ) AS pieces(start, stop)
    WHERE start < stop
    GROUP BY shift
  ) AS orders;
  RETURN concat_ws(' ', written, CASE WHEN deepest IS DISTINCT FROM moc_order THEN moc_order || '/' END);
END
$func$;

COMMENT ON FUNCTION public.tmoc_text(int8multirange, integer) IS
  'The MOC of an order for times in microseconds of TCB since JD 0, in ASCII';

CREATE OR REPLACE FUNCTION public.tmoc_order(times int8multirange) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $func$
  SELECT coalesce(min(cell_order), 0)
  FROM (SELECT bit_or(lower(span) | upper(span)) AS bits FROM unnest(times) AS span) AS ends,
    generate_series(0, 61) AS cell_order
  WHERE bits & ((1::bigint << (61 - cell_order)) - 1) = 0
$func$;

COMMENT ON FUNCTION public.tmoc_order(int8multirange) IS
  'The lowest order at which a time MOC can express these times; 0 if there are none';

CREATE OR REPLACE FUNCTION public.tmoc_text(times int8multirange) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000 AS $func$
  SELECT public.tmoc_text(times, public.tmoc_order(times))
$func$;

COMMENT ON FUNCTION public.tmoc_text(int8multirange) IS
  'The MOC of the lowest order that will do, for times in microseconds of TCB since JD 0, in ASCII';

-- TDB-TT: USNO Circular 179 (Kaplan 2005), equation 2.6, good to 10 microseconds from 1600 to 2200.
-- TCB-TDB: IAU 2006 resolution B3, with L_B and TDB_0. What is before JD 0 or behind the last cell
-- counts as the first or the last cell, so that absurd limits can stand for open ends.
CREATE OR REPLACE FUNCTION public.tmoc_index(mjd double precision) RETURNS bigint
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 50 AS $func$
DECLARE
  rate CONSTANT double precision := 1.550519768e-8;
  bounded CONSTANT double precision := least(greatest(mjd, -2400000.5), 50975000);
  day CONSTANT bigint := floor(bounded);
  century CONSTANT double precision := (bounded - 51544.5) / 36525;
  tdb_tt CONSTANT double precision := 0.001657 * sin(628.3076 * century + 6.2401)
    + 0.000022 * sin(575.3385 * century + 4.2970) + 0.000014 * sin(1256.6152 * century + 6.1969)
    + 0.000005 * sin(606.9777 * century + 4.0212) + 0.000005 * sin(52.9691 * century + 0.4444)
    + 0.000002 * sin(21.3299 * century + 5.5431) + 0.000010 * century * sin(628.3076 * century + 4.2490);
  tcb_tdb CONSTANT double precision :=
    (rate * ((bounded - 43144.0003725) * 86400 + tdb_tt) + 6.55e-5) / (1 - rate);
BEGIN
  IF mjd = 'NaN' THEN
    RETURN NULL;
  END IF;
  RETURN greatest(0, 207360043200000000 + day * 86400000000
    + ((bounded - day) * 86400000000 + (tdb_tt + tcb_tdb) * 1000000)::bigint);
END
$func$;

COMMENT ON FUNCTION public.tmoc_index(double precision) IS
  'The microsecond of TCB since JD 0 in which an MJD in TT falls: its cell in a time MOC of order 61';

-- The following two are not declared STRICT, although NULL of NULL is what they give: with it, PostgreSQL
-- could not put their bodies in place of calls, which takes longer than what they do.
CREATE OR REPLACE FUNCTION public.tmoc_span(mjd_min double precision, mjd_max double precision)
RETURNS int8range LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $func$
  SELECT CASE
    WHEN mjd_min <= mjd_max THEN int8range(public.tmoc_index(mjd_min), public.tmoc_index(mjd_max), '[]')
    WHEN mjd_min > mjd_max THEN 'empty'::int8range
  END
$func$;

COMMENT ON FUNCTION public.tmoc_span(double precision, double precision) IS
  'A closed interval of MJD in TT as microseconds of TCB since JD 0; empty if its ends are the wrong way round';

CREATE OR REPLACE FUNCTION public.energy_span(low double precision, high double precision)
RETURNS public.energy_range LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $func$
  SELECT CASE
    WHEN low <= high THEN public.energy_range(low, high, '[]')
    WHEN low > high THEN 'empty'::public.energy_range
  END
$func$;

COMMENT ON FUNCTION public.energy_span(double precision, double precision) IS
  'A closed interval of energies in eV; empty if its ends are the wrong way round';

CREATE OR REPLACE FUNCTION public.tmoc_seconds(times int8multirange) RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 300 AS $func$
  SELECT coalesce(sum(upper(span) - lower(span)), 0)::double precision / 1000000 FROM unnest(times) AS span
$func$;

COMMENT ON FUNCTION public.tmoc_seconds(int8multirange) IS
  'How long times last that are given in microseconds, in seconds of TCB';

-- pg_sphere takes a millisecond for the key of a polygon in an index, and the tenth of one to tell whether
-- a point is inside. A circle around it costs less, and an index on circles finds what may be wanted.
CREATE OR REPLACE FUNCTION public.region_bounds(region public.spoly) RETURNS public.scircle
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 300 AS $func$
DECLARE
  -- Much more than what pg_sphere's own comparisons tolerate, and than what its output rounds.
  margin CONSTANT double precision := 1e-8;
  written CONSTANT text := translate(region::text, '{}() ', '');
  corners CONSTANT double precision[] := string_to_array(written, ',')::double precision[];
  -- With the angles of corner n: x[n], y[n], z[n] are its unit vector.
  x double precision[];
  y double precision[];
  z double precision[];
  along double precision := 0;
  across double precision := 0;
  up double precision := 0;
  norm double precision;
  nearest double precision := 1;
BEGIN
  FOR n IN 1 .. array_length(corners, 1) / 2 LOOP
    x[n] := cos(corners[2 * n]) * cos(corners[2 * n - 1]);
    y[n] := cos(corners[2 * n]) * sin(corners[2 * n - 1]);
    z[n] := sin(corners[2 * n]);
    along := along + x[n];
    across := across + y[n];
    up := up + z[n];
  END LOOP;
  norm := sqrt(along * along + across * across + up * up);
  FOR n IN 1 .. array_length(x, 1) LOOP
    nearest := least(nearest, (along * x[n] + across * y[n] + up * z[n]) / norm);
  END LOOP;
  IF nearest <= 0 THEN
    -- Beyond a hemisphere the circle might not hold the sides; so it is the whole sky.
    RETURN public.scircle(public.spoint(0, 0), pi());
  END IF;
  RETURN public.scircle(public.spoint(atan2(across, along), asin(up / norm)), acos(nearest) + margin);
END
$func$;

COMMENT ON FUNCTION public.region_bounds(public.spoly) IS
  'A circle around a polygon; what does not meet the circle does not meet the polygon';
