"""ivoa.obscore as a table, which large sites may want: the same rows, indexes of its own."""

from __future__ import annotations

from collections.abc import Callable

from instance.exits import OK
from tests.faults.harness import Site

TABLE = "CHERENKOV_VO_MATERIALISE_OBSCORE"
COLUMNS = "obs_publisher_did, dataproduct_subtype, t_min, em_min, access_url, source_table"


def rows(site: Site) -> list[str]:
    """Give some columns of all rows, in an order of their own."""
    return site.instance.cluster.sql(f"SELECT {COLUMNS} FROM ivoa.obscore ORDER BY 1, 2, 5")


def test_obscore_as_a_table(new_site: Callable[..., Site], reference: Site) -> None:
    site = new_site("table")
    site.take_environment_of(reference)
    done = site.run("ingest", **{TABLE: "yes"})
    assert done.returncode == OK, done.stderr
    assert "Making ivoa.obscore" in done.stderr
    cluster = site.instance.cluster
    cluster.start()
    try:
        assert cluster.sql("SELECT relkind FROM pg_class WHERE oid = 'ivoa.obscore'::regclass") == ["r"]
        before = rows(site)
        plan = "\n".join(
            cluster.sql(
                "SET enable_seqscan = off; EXPLAIN SELECT * FROM ivoa.obscore"
                " WHERE spoint(radians(s_ra), radians(s_dec)) <@ scircle(spoint(1, 0), 0.1)"
            )
        )
        assert "Index Scan" in plan
        again = site.run("ingest", **{TABLE: "yes"})
        assert again.returncode == OK, again.stderr
        assert "Making ivoa.obscore" not in again.stderr
        cluster.start()
        changed = site.run("ingest", **{TABLE: "yes", "CHERENKOV_VO_VOCABULARY": "draft"})
        assert changed.returncode == OK, changed.stderr
        cluster.start()
        draft = rows(site)
        assert len(draft) == len(before) > 0
        assert draft != before
        view = site.run("ingest")
        assert view.returncode == OK, view.stderr
        cluster.start()
        assert cluster.sql("SELECT relkind FROM pg_class WHERE oid = 'ivoa.obscore'::regclass") == ["v"]
        assert rows(site) == before
    finally:
        cluster.stop()
