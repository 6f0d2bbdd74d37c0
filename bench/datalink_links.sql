-- Give the copies of event lists that multiply.sql makes links and provenance of their own: the files are
-- those of the originals, so that they are there. Only the first so many copies; those that have links
-- already are left alone.
CREATE OR REPLACE FUNCTION pg_temp.link_copies(collection text, wanted bigint) RETURNS bigint
LANGUAGE plpgsql AS $func$
DECLARE
  made bigint;
BEGIN
  EXECUTE format($sql$
    CREATE TEMPORARY TABLE copies ON COMMIT DROP AS
      SELECT obs_publisher_did AS id, obs_id, '~' || split_part(obs_id, '~', 2) AS mark
      FROM %1$s.obscore AS o
      WHERE obs_id LIKE '%%~%%'
        AND NOT EXISTS (SELECT 1 FROM %1$s.provenance AS p WHERE p.obs_id = o.obs_id)
      ORDER BY obs_publisher_did LIMIT %2$s $sql$, collection, wanted);
  EXECUTE format($sql$
    INSERT INTO %1$s.links SELECT (jsonb_populate_record(l, jsonb_build_object(
      'id', c.id,
      'obs_id', c.obs_id,
      'dataset', CASE WHEN l.semantics = '#this' THEN c.id
        WHEN l.semantics = '#package' THEN l.dataset || c.mark ELSE l.dataset END,
      'access_path', CASE WHEN l.semantics = '#calibration' THEN l.access_path
        ELSE replace(l.access_path, '.fits', gavo_urlescape(c.mark) || '.fits') END))).*
    FROM copies AS c JOIN %1$s.links AS l ON l.id = left(c.id, -length(c.mark)) $sql$, collection);
  GET DIAGNOSTICS made = ROW_COUNT;
  EXECUTE format($sql$
    INSERT INTO %1$s.provenance SELECT DISTINCT ON (c.obs_id) (jsonb_populate_record(p, jsonb_build_object(
      'obs_id', c.obs_id, 'path_stem', p.path_stem || gavo_urlescape(c.mark)))).*
    FROM copies AS c JOIN %1$s.provenance AS p ON p.obs_id = left(c.obs_id, -length(c.mark)) $sql$, collection);
  RETURN made;
END
$func$;
