"""Where access_url leads: to files, or to DataLink documents."""

import pytest

from ingest import access
from ingest.errors import ConfigError
from ingest.identifiers import DatasetId
from tests import gadf_files
from tests.gadf_releases import SERVER, Made, config, write_indexed

NAMES = ("url", "format", "estsize")


@pytest.fixture
def root(tmp_path):
    gadf_files.write(tmp_path / "run.fits", gadf_files.events(), gadf_files.gti(), gadf_files.aeff())
    return tmp_path


def rows(root, access_url):
    return Made(root, config(), access_url=access_url)


def shown(row, prefix="access"):
    return tuple(row[f"{prefix}_{name}"] for name in NAMES)


def test_event_lists_lead_to_their_file_or_to_their_links(root):
    files, links = rows(root, access.FILE), rows(root, access.DATALINK)
    file, link = files.only(), links.only()
    size = -(-(root / "run.fits").stat().st_size // 1000)
    at = f"{SERVER}/test_dr/q/file/custom/4711/run.fits"
    assert shown(file) == (at, "application/x-fits-gadf", size)
    assert shown(link) == (
        f"{SERVER}/test_dr/q/dl/dlmeta?ID=ivo://org.example/~%3Ftest_dr/4711",
        "application/x-votable+xml;content=datalink",
        10,
    )
    # Whatever is shown, the file is known, for ivoa.obscore.
    assert shown(file, "file") == shown(link, "file") == shown(file)


def test_nothing_else_changes(root):
    files, links = rows(root, access.FILE), rows(root, access.DATALINK)
    own = {f"access_{name}" for name in NAMES}
    assert {name for name, value in files.only().items() if links.only()[name] != value} == own
    assert len(files.companions) == 2
    for file, link in zip(files.companions, links.companions, strict=True):
        assert shown(file) == shown(link)
        assert file["access_url"] == SERVER + file["access_path"]
    assert files.links == links.links


@pytest.mark.parametrize("access_url", access.IN_COLLECTIONS)
def test_without_a_file_there_may_still_be_links(tmp_path, access_url):
    columns = {"RA_PNT": [83.6], "DEC_PNT": [22.0], "TSTART": [1e8], "TSTOP": [1e8 + 1680]}
    root = write_indexed(tmp_path / "release", (-7,), **columns)
    row = Made(root, config(index="."), access_url=access_url).only()
    assert shown(row, "file") == (None, None, None)
    assert (row["access_url"] is None) is (access_url == access.FILE)


def test_identifiers_are_escaped():
    dataset = DatasetId("org.example", "test_dr", "a b&c", "events-1")
    url = access.document_url("http://here.example", dataset)
    assert url.startswith("http://here.example/test_dr/q/dl/dlmeta?ID=ivo://org.example/~%3Ftest_dr/a")
    assert not set(" &") & set(url)


def test_other_words_are_refused():
    assert access.checked("access_url", "file", access.IN_COLLECTIONS) == "file"
    with pytest.raises(ConfigError, match="access_url = 'both': expected one of file, datalink"):
        access.checked("access_url", "both", access.IN_COLLECTIONS)
