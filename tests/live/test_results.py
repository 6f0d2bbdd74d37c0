"""Big results: what our writers write is what DaCHS's write, byte by byte."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from astropy.io import votable
from astropy.table import Table

from instance.bringup import Instance as Managed
from instance.packages import venv_python
from instance.settings import load
from tests.live.conftest import VARIABLE

WORKER = Path(__file__).with_name("write_both.py")
KEYS = ["votable", "votableb2", "votabletd", "csv", "csv_bare", "fits"]
QUERIES = {
    "everything": "SELECT * FROM ivoa.obscore NATURAL JOIN ivoa.obscore_hea ORDER BY obs_publisher_did",
    "collection": "SELECT * FROM hess_dr.obscore ORDER BY obs_id",
    "observatory": "SELECT * FROM ctao.obscore ORDER BY obs_id",
    "empty": "SELECT * FROM ivoa.obscore WHERE 1 = 0",
    "one": "SELECT TOP 1 * FROM hess_dr.obscore ORDER BY obs_id",
    "links": "SELECT * FROM datalink.response ORDER BY id, access_url",
    "responses": "SELECT TOP 500 * FROM ivoa.response ORDER BY obs_publisher_did, resp_access_url",
    "healpix": "SELECT TOP 500 * FROM ivoa.obscore_healpix ORDER BY obs_publisher_did",
    "schema-columns": "SELECT * FROM tap_schema.columns ORDER BY table_name, column_name, description",
    "schema-tables": "SELECT * FROM tap_schema.tables ORDER BY table_name",
    "schema-keys": "SELECT * FROM tap_schema.keys ORDER BY key_id",
    "grouped": "SELECT target_name, COUNT(*) AS n, AVG(s_ra) AS a, MIN(t_min) AS m, SUM(t_exptime) AS s,"
    " gavo_tmoc_union(t_intervals) AS u FROM ctao.obscore GROUP BY target_name ORDER BY target_name",
    "distinct": "SELECT DISTINCT target_name FROM ctao.obscore ORDER BY target_name",
    "computed": "SELECT s_ra*2 AS x, POINT(s_ra, s_dec) AS p, CIRCLE(s_ra, s_dec, 1) AS c, s_region,"
    " 1/(s_ra*0+3) AS y, obs_id || 'a' AS z, ROUND(s_dec, 2) AS r, CAST(t_min AS INTEGER) AS i,"
    " CAST(s_ra AS CHAR(3)) AS cc FROM ctao.obscore ORDER BY obs_id",
    "literals": "SELECT TOP 3 CAST('2020-01-02T03:04:05.25' AS TIMESTAMP) AS ts, NULL AS nothing,"
    " 'a<b>&\"''c\\ü' AS q, 1e300*10 AS big, -0.0 AS neg FROM ctao.obscore",
    "overflow": "SELECT obs_id FROM ctao.obscore ORDER BY obs_id",
}
TYPES = [
    ("smallint", "smallint", ["-32768", "32767", "0"]),
    ("integer", "integer", ["-2147483648", "2147483647", "7"]),
    ("bigint", "bigint", ["-9223372036854775808", "9223372036854775807", "9007199254740993"]),
    ("real", "real", ["0.1", "'NaN'", "'-Infinity'", "1e-40", "16777216", "1e12", "3.4e38", "-0.0"]),
    (
        "double precision",
        "double precision",
        [
            "0.1",
            "'NaN'",
            "'Infinity'",
            "1e-320",
            "1e15",
            "1e16",
            "123456789012.5",
            "0.00001",
            "-0.0",
            "1e300",
        ],
    ),
    ("real", "double precision", ["0.1", "0.3", "1e-5"]),
    ("double precision", "real", ["0.1", "0.3", "1e10"]),
    ("bigint", "integer", ["1", "-5"]),
    ("bigint", "integer", ["1", "5000000000"]),
    ("numeric", "double precision", ["0.1", "1.50", "123456789.123456789"]),
    ("integer", "double precision", ["1", "-2147483648"]),
    ("boolean", "boolean", ["true", "false"]),
    (
        "text",
        "text",
        [
            "''",
            "'plain'",
            "'a,b'",
            "'it''s'",
            "'say \"so\"'",
            "'two\nlines'",
            "E'tab\\t\\\\ back'",
            "'ü € 𝄞'",
            "'<&>'",
            "'\x7f'",
            "' blank '",
            "'NULL'",
        ],
    ),
    ("text", "unicode", ["''", "'plain'", "'ü €'"]),
    ("varchar", "text", ["'v'"]),
    ("char(5)", "char(5)", ["'ab'", "'ü'"]),
    ("char(5)", "text", ["'ab'"]),
    ("text", "char", ["'a'"]),
    ("date", "date", ["'2020-02-29'", "'0900-01-01'"]),
    ("time", "time", ["'12:34:56.5'"]),
    (
        "timestamp",
        "timestamp",
        ["'2020-02-29T12:34:56'", "'1815-10-20 12:34:22.00025'", "'2018-09-21 23:59:59.64'", "'0900-01-01'"],
    ),
    ("bytea", "bytea", [r"'\x41'::bytea"]),
    ("integer[]", "integer[]", ["'{1,2,3}'", "'{}'"]),
    ("real[]", "real[2]", ["'{0.1,2}'", "'{1}'"]),
    ("double precision[]", "double precision[]", ["'{0.1,NaN}'", "'{1}'"]),
    ("spoint", "spoint", ["'(10d, -20d)'"]),
    ("scircle", "scircle", ["'<(10d, -20d), 1d>'"]),
    (
        "spoly",
        "spoly",
        ["'{(10d,-20d),(12d,-20d),(11d,-21.123456789d)}'", "'{(0d,0d),(0d,1d),(359.9d,1d),(1d,1d)}'"],
    ),
    ("json", "json", ['\'{"a": [1, "ü"]}\'']),
]


def _type_cases():
    for number, (kind, declared, values) in enumerate(TYPES):
        # An identifier beside it: NULLs of some types are errors, and then both ways must say so.
        for suffix, literals in (("", values), ("-null", [*values, "NULL"]), ("-nulls", ["NULL", "NULL"])):
            rows = ", ".join(f"({line}, ({literal})::{kind})" for line, literal in enumerate(literals))
            yield {
                "name": f"{number}-{declared.split('[')[0].replace(' ', '-')}{suffix}",
                "sql": f"SELECT n::integer, v FROM (VALUES {rows}) AS t(n, v) ORDER BY n",
                "columns": [["n", "integer"], ["v", declared]],
                "keys": KEYS,
                "maxrec": 1000,
            }


CASES = [
    {"name": name, "adql": query, "keys": KEYS, "maxrec": 5 if name == "overflow" else 100_000}
    for name, query in QUERIES.items()
] + list(_type_cases())


WHOLE = {"name": "whole", "adql": QUERIES["everything"], "keys": KEYS, "maxrec": 100_000, "whole": True}
"""For readers, which do not want documents with holes."""


@pytest.fixture(scope="module")
def managed(instance):
    return Managed(load())


@pytest.fixture(scope="module")
def written(managed, tmp_path_factory):
    directory = tmp_path_factory.mktemp("written")
    environment = managed.dachs.environment | {
        "CHERENKOV_VO_FAST_PATHS": "yes",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [venv_python(managed.home), WORKER, directory],
        input=json.dumps([*CASES, WHOLE]),
        env=environment,
        cwd="/",
        text=True,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return directory


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_both_ways_write_the_same(written, case, key):
    ours = (written / f"{case['name']}.{key}.ours").read_bytes()
    stock = (written / f"{case['name']}.{key}.stock").read_bytes()
    if stock.startswith(b"error"):
        assert ours.startswith(b"error"), ours[:200]
    else:
        assert ours == stock


@pytest.mark.parametrize("name", QUERIES)
def test_there_is_something_to_compare(written, name):
    stock = (written / f"{name}.votableb2.stock").read_bytes()
    assert stock.startswith(b"<?xml")
    assert (b'value="OVERFLOW"' in stock) == (name == "overflow")


def as_stilts_reads(path, key):
    """Give the lines of a table as STILTS writes what it has read."""
    program = json.loads(Path(os.environ[VARIABLE]).read_text(encoding="utf-8"))["stilts"]
    kind = "votable" if key.startswith("votable") else key.partition("_")[0]
    done = subprocess.run(
        [program, "tpipe", f"in={path}", f"ifmt={kind}", "ofmt=csv"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def as_astropy_reads(path, key):
    """Give the rows of a table, with the metadata of its columns."""
    if key.startswith("csv"):
        table = Table.read(path, format="ascii.csv")
    elif key == "fits":
        table = Table.read(path, format="fits")
    else:
        document = votable.parse(path, verify="ignore")
        fields = [repr(field) for field in document.get_first_table().fields]
        table = document.get_first_table().to_table()
        table.meta["fields"] = fields
    described = [(name, str(table[name].dtype), str(table[name].unit)) for name in table.colnames]
    return described, table.meta.get("fields"), [str(row) for row in table.as_array().tolist()]


@pytest.mark.parametrize("key", KEYS)
def test_stilts_and_astropy_read_the_same(written, key):
    """Bytes that are equal read the same; this is for those who want to hear it from the readers."""
    ours, stock = (written / f"whole.{key}.{side}" for side in ("ours", "stock"))
    for read in (as_stilts_reads, as_astropy_reads):
        here = read(ours, key)
        assert len(here) > 2
        assert here == read(stock, key)


def test_all_serialisations_are_the_same_table(written):
    tables = [
        as_stilts_reads(written / f"whole.{key}.ours", key) for key in KEYS if key.startswith("votable")
    ]
    assert len(tables) == 3
    assert tables[0] == tables[1] == tables[2]


FORMATS = {
    "application/x-votable+xml": b"<BINARY>",
    "application/x-votable+xml;serialization=BINARY2": b"<BINARY2>",
    "votable/td": b"<TABLEDATA>",
    "text/csv;header=present": b"obs_id",
    "fits": b"SIMPLE",
    "parquet": b"PAR1",
    "application/vnd.apache.parquet": b"PAR1",
}


@pytest.mark.parametrize(("name", "sign"), FORMATS.items())
def test_sync(instance, name, sign):
    answer = instance.tap("SELECT TOP 5 obs_id, s_ra, s_region FROM ivoa.obscore", FORMAT=name)
    assert answer.status == 200
    assert sign in answer.body


def test_long_results_are_what_they_say(instance):
    """They leave past the event loop, which would pack them for clients that accept it."""
    query = "SELECT * FROM tap_schema.columns AS a, tap_schema.tables"
    plain = instance.tap(query, FORMAT="csv", MAXREC="10000")
    packed = instance.get(
        "/tap/sync?"
        + urllib.parse.urlencode({"LANG": "ADQL", "QUERY": query, "FORMAT": "csv", "MAXREC": "10000"}),
        Accept_Encoding="gzip",
    )
    assert len(plain.body) > 1_000_000
    for answer in (plain, packed):
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/csv")
        assert int(answer.headers.get("Content-Length", len(answer.body))) == len(answer.body)
        unpacked = answer.headers["Content-Encoding"] is None
        assert (answer.body if unpacked else gzip.decompress(answer.body)) == plain.body


def test_no_format_is_binary_votable(instance):
    values = urllib.parse.urlencode({"LANG": "ADQL", "QUERY": "SELECT TOP 5 * FROM ivoa.obscore"})
    assert b"<BINARY>" in instance.get(f"/tap/sync?{values}").body


def test_errors_are_told(instance):
    answer = instance.tap("SELECT 1/(s_ra*0) AS x FROM ctao.obscore", FORMAT="votable/b2")
    assert b"ERROR" in answer.body
    assert b"division by zero" in answer.body


def test_parquet_is_announced(instance):
    assert "application/vnd.apache.parquet" in instance.get("/tap/capabilities").text


def test_async(instance):
    values = {
        "LANG": "ADQL",
        "QUERY": "SELECT TOP 20 obs_id, s_ra FROM ctao.obscore ORDER BY obs_id",
        "FORMAT": "parquet",
    }
    with urllib.request.urlopen(
        f"{instance.url}/tap/async", urllib.parse.urlencode(values).encode()
    ) as reply:
        job = "/tap/async/" + reply.url.rstrip("/").rsplit("/", 1)[1]
    run = urllib.parse.urlencode({"PHASE": "RUN"}).encode()
    with urllib.request.urlopen(f"{instance.url}{job}/phase", run) as reply:
        reply.read()
    for _ in range(120):
        phase = instance.get(f"{job}/phase").text
        if phase in ("COMPLETED", "ERROR", "ABORTED"):
            break
        time.sleep(0.5)
    assert phase == "COMPLETED"
    assert instance.get(f"{job}/results/result").body.startswith(b"PAR1")


def test_uploads_are_seen(instance):
    """The rows come on the job's own connection, where its uploaded tables are."""
    table = (
        '<VOTABLE version="1.4"><RESOURCE><TABLE><FIELD name="a" datatype="unicodeChar" arraysize="*"/>'
        '<FIELD name="b" datatype="double"/><DATA><TABLEDATA><TR><TD>ü,1</TD><TD>0.5</TD></TR>'
        "<TR><TD></TD><TD></TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    )
    border = "----results"
    fields = {
        "LANG": "ADQL",
        "FORMAT": "csv",
        "UPLOAD": "mine,param:mine",
        "QUERY": "SELECT a, b FROM tap_upload.mine ORDER BY b",
    }
    parts = [
        f'--{border}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f'--{border}\r\nContent-Disposition: form-data; name="mine"; filename="mine.vot"\r\n'
        f"Content-Type: application/x-votable+xml\r\n\r\n{table}\r\n--{border}--\r\n"
    )
    request = urllib.request.Request(
        f"{instance.url}/tap/sync",
        "".join(parts).encode(),
        {"Content-Type": f"multipart/form-data; boundary={border}"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        rows = list(csv.reader(io.StringIO(reply.read().decode("utf-8"))))
    assert rows[0] == ["a", "b"]
    assert rows[1] == ["ü,1", "0.5"]
    assert len(rows) == 3
