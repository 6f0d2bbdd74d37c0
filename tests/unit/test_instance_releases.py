"""Which releases a collection takes, how they are laid out, and when they are imported anew."""

import os
import pwd
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ingest import release, storage
from ingest.changes import Options
from ingest.errors import InstanceError
from ingest.listing import Files
from instance import bringup, releases, vocabularies
from instance.account import Account
from instance.dachs import TABLES_SEEN
from instance.deploy import Deployment
from instance.exits import EXIT_DATA
from instance.imports import Importer, Mark
from instance.releases import Choice, Makers
from instance.settings import CHECKOUT, Settings
from tests.run import temporary_directory

ME = Account(pwd.getpwuid(os.geteuid()).pw_name, os.geteuid(), os.getegid())


def fill(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


class Recorder:
    """Notes what is made, and makes it."""

    def __init__(self) -> None:
        self.made: list[tuple[str, Path]] = []

    @property
    def makers(self) -> Makers:
        return Makers(*(self.maker(kind) for kind in ("fetch", "sample", "ctao_sample")))

    def maker(self, kind: str):
        def make(target: Path) -> None:
            self.made.append((kind, target))
            fill(target, "data/one.fits.gz")

        return make


@pytest.fixture
def recorder(monkeypatch, tmp_path):
    monkeypatch.setattr(releases, "SHARED", tmp_path / "nothing" / "hess")
    monkeypatch.setattr(releases, "SHARED_CTA", tmp_path / "nothing" / "cta")
    return Recorder()


def choose(collection, recorder, home, *, first_time=True, **chosen):
    settings = Settings(instance=home, **chosen)
    found = releases.choices(collection, settings, home, ME, recorder.makers, first_time=first_time)
    return [(choice.name, choice.directory, choice.config) for choice in found]


def test_the_release_that_is_named_wins(recorder, tmp_path, monkeypatch):
    named = fill(tmp_path / "named", "data/a.fits.gz")
    monkeypatch.setattr(releases, "SHARED", fill(tmp_path / "shared", "data/a.fits.gz"))
    home = tmp_path / "home"
    found = choose("hess_dr", recorder, home, hess_dl3_dr1=str(named))
    assert found == [("hess-dl3-dr1", named, "release.toml")]
    found = choose("hess_dr", recorder, home)
    assert found == [("hess-dl3-dr1", tmp_path / "shared", "release.toml")]
    assert recorder.made == []
    found = choose("hess_dr", recorder, home, hess_dl3_dr1="sample")
    assert found == [("sample", home / "releases" / "sample", "sample.toml")]


def test_a_download_is_tried_once_only_and_may_be_forbidden(recorder, tmp_path):
    home = tmp_path / "home"
    for options in ({"first_time": False}, {"download": False}):
        assert choose("hess_dr", recorder, home, **options)[0][0] == "sample"
    assert choose("hess_dr", recorder, home)[0][:2] == ("hess-dl3-dr1", home / "releases" / "hess-dl3-dr1")
    assert [kind for kind, _ in recorder.made] == ["sample", "sample", "fetch"]


def test_ctao_is_simulated_and_has_the_data_challenge_where_it_is(recorder, tmp_path, monkeypatch):
    home = tmp_path / "home"
    simulated = ("simulated", home / "releases" / "ctao-sample", "release.toml")
    assert choose("ctao", recorder, home) == [simulated]
    shared = fill(tmp_path / "shared", "index/gps/hdu-index.fits.gz")
    monkeypatch.setattr(releases, "SHARED_CTA", shared)
    assert choose("ctao", recorder, home) == [simulated, ("cta-1dc", shared, "cta-1dc.toml")]
    assert choose("ctao", recorder, home, cta_1dc="none") == [simulated]
    named = fill(tmp_path / "named", "index/gps/hdu-index.fits")
    assert choose("ctao", recorder, home, cta_1dc=str(named))[1][1] == named
    assert set(recorder.made) == {("ctao_sample", home / "releases" / "ctao-sample")}


@pytest.mark.parametrize(
    ("collection", "chosen", "message"),
    [
        ("hess_dr", "hess_dl3_dr1", r"is not the H.E.S.S. release.*HESS_DL3_DR1 names it"),
        ("ctao", "cta_1dc", r"is not CTA's first data challenge.*CTA_1DC names it"),
    ],
)
def test_a_named_directory_without_a_release_is_refused(recorder, tmp_path, collection, chosen, message):
    with pytest.raises(InstanceError, match=message) as caught:
        choose(collection, recorder, tmp_path / "home", **{chosen: str(fill(tmp_path / "empty", "README"))})
    assert caught.value.exit_code == EXIT_DATA
    assert recorder.made == [], "nothing is to be simulated before"


def test_a_release_that_others_cannot_read_is_copied_with_all_its_directories(
    recorder, tmp_path, monkeypatch
):
    names = ("index/gps/hdu-index.fits.gz", "caldb/deep/irf.fits", "data/run.fits")
    closed = fill(tmp_path / "closed", *names, ".git/config")
    (closed / "linked.fits").symlink_to(closed / "data" / "run.fits")
    (closed / "data" / "back").symlink_to(closed)
    monkeypatch.setattr(Account, "can_read_all", lambda self, directory: False)
    monkeypatch.setattr(releases.os, "geteuid", lambda: 0)
    home = tmp_path / "home"
    copy = home / "releases" / "copy" / "cta-1dc"
    assert choose("ctao", recorder, home, cta_1dc=str(closed))[1][1] == copy
    there = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    assert there == {*names, "linked.fits"}
    assert (copy / "caldb/deep/irf.fits").stat().st_mode & 0o777 == 0o644
    monkeypatch.setattr(releases.os, "geteuid", lambda: 1000)
    with pytest.raises(InstanceError, match="cannot be read by the user") as caught:
        choose("ctao", recorder, home, cta_1dc=str(closed))
    assert caught.value.exit_code == EXIT_DATA


def test_copying_again_copies_what_changed_and_removes_what_is_gone(tmp_path):
    source = fill(tmp_path / "source", "a/one", "a/two", "b/deep/three")
    target = tmp_path / "target"
    assert releases.copy_changed_files(source, target) == 3
    assert releases.copy_changed_files(source, target) == 0
    (source / "a" / "one").write_text("changed")
    (source / "b" / "deep" / "three").unlink()
    (target / "a" / "two").chmod(0o600)
    assert releases.copy_changed_files(source, target) == 1
    assert (target / "a" / "one").read_text() == "changed"
    assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == ["a", "a/one", "a/two"]


def test_what_is_no_file_is_no_file_in_a_copy_either(tmp_path):
    source, target = fill(tmp_path / "source", "a/one.fits"), tmp_path / "target"
    (source / "loop.fits").symlink_to("loop.fits")
    (source / "gone").symlink_to("nowhere")
    os.mkfifo(source / "a" / "pipe.fits.gz")
    (source / "a" / "empty.fits").mkdir()
    for copied in (1, 0):
        assert releases.copy_changed_files(source, target) == copied
        names = ["a/empty.fits", "a/one.fits", "a/pipe.fits.gz", "loop.fits"]
        found = storage.listing(target, "**/*")
        assert [str(entry.path.relative_to(target)) for entry in found] == names
        assert [entry.size == storage.NO_FILE for entry in found] == [True, False, True, True]
    (source / "loop.fits").unlink()
    (source / "loop.fits").write_text("mended")
    releases.copy_changed_files(source, target)
    assert (target / "loop.fits").read_text() == "mended"


def test_who_can_read_what(tmp_path):
    release_directory = fill(tmp_path / "release", "data/run.fits", "index/table.fits")
    assert ME.can_read_all(release_directory)
    (release_directory / "gone").symlink_to(tmp_path / "nowhere")
    assert ME.can_read_all(release_directory), "a link that leads nowhere is no file"
    assert not ME.can_read_all(tmp_path / "nowhere")


@pytest.mark.parametrize("path", ["data/run.fits", "data", "."])
def test_closed_files_and_directories_are_noticed(path):
    nobody = pwd.getpwnam("nobody")
    root = os.geteuid() == 0  # who can read everything
    reader = Account(nobody.pw_name, nobody.pw_uid, nobody.pw_gid) if root else ME
    with temporary_directory() as directory:
        release_directory = fill(directory / "release", "data/run.fits", "index/table.fits")
        assert reader.can_read_all(release_directory)
        mode = (release_directory / path).stat().st_mode
        (release_directory / path).chmod(0)
        assert not reader.can_read_all(release_directory)
        (release_directory / path).chmod(mode)


@pytest.fixture
def deployment(tmp_path):
    made = Deployment(tmp_path / "home")
    made.update()
    return made


def test_a_collection_is_laid_out_with_its_releases(deployment, tmp_path):
    one, other = (fill(tmp_path / name, "obs-index.fits") for name in ("one", "other"))
    both = [
        Choice("simulated", one, "release.toml", "made here"),
        Choice("cta-1dc", other, "cta-1dc.toml", "found"),
    ]
    place = deployment.collection("ctao", both)
    assert place == deployment.inputs / "ctao"
    assert (place / "q.rd").read_bytes() == (CHECKOUT / "inputs" / "ctao" / "q.rd").read_bytes()
    assert list(release.of_collection(place)) == ["cta-1dc", "simulated"]
    assert release.registry(place).obs_collection == "SIMULATED-CTAO-LIKE"
    assert (place / "releases" / "cta-1dc" / "files").readlink() == other
    moved = replace(both[0], directory=other)
    assert deployment.collection("ctao", [moved]) == place
    assert [path.name for path in (place / "releases").iterdir()] == ["simulated"]
    assert (place / "releases" / "simulated" / "files" / "obs-index.fits").is_file()
    assert (other / "obs-index.fits").exists(), "only the layout is removed"


def test_all_that_dachs_imports_is_deployed(deployment):
    wanted = {"ingest/feed.py", "datalink/service.py", "rd/metadata.py", "rd/collection.rd"}
    assert wanted <= {str(path.relative_to(deployment.app)) for path in deployment.code_files()}
    for path in deployment.app.rglob("*.py"):
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if words[:1] in (["from"], ["import"]):
                package = words[1].split(".")[0]
                assert package not in ("instance", "simulate", "tests"), f"{path}: {line}"


@pytest.fixture
def importer(tmp_path):
    """Give a maker of what imports a collection, with settings."""

    def make(**chosen):
        instance = bringup.Instance(Settings(instance=tmp_path / "home", **chosen))
        instance._account, instance.home = ME, tmp_path / "home"
        return Importer(instance.settings, instance.dachs, instance.cluster, Options())

    return make


def test_tables_and_views_are_made_again_when_what_shapes_them_changed(importer, tmp_path, deployment):
    data = fill(tmp_path / "release", "data/a.fits.gz")
    place = deployment.collection("hess_dr", [Choice("name", data, "release.toml", "why")])
    known = importer().marked(place)
    fill(data, "data/b.fits.gz")
    (deployment.app / "ingest" / "feed.py").write_text("changed")
    assert importer().marked(place) == known, "that is about rows"
    for chosen in (
        {"vocabulary": "draft"}, {"public_url": "https://vo.example"}, {"obscore_access_url": "file"},
    ):  # fmt: skip
        changed = importer(**chosen).marked(place)
        assert changed.structure == known.structure
        assert changed.definitions != known.definitions
    deployment.collection("hess_dr", [Choice("name", data, "sample.toml", "why")])
    assert importer().marked(place).definitions != known.definitions, "another registry record"
    deployment.collection("hess_dr", [Choice("name", data, "release.toml", "why")])
    (deployment.app / "rd" / "tables.rd").write_text("changed")
    assert importer().marked(place).structure != known.structure


def test_marks_survive_the_state_file():
    mark = Mark("one", "two", "three")
    assert Mark.read(mark.text()) == mark
    for odd in (None, "", "[]", 7, '{"structure": "one"}', "{"):
        assert Mark.read(odd) is None


@pytest.mark.parametrize("name", ["release.toml", "cta-1dc.toml"])
def test_configurations_of_ctao_say_that_it_is_simulated(name):
    config = release.load(CHECKOUT / "inputs" / "ctao" / name)
    assert config.simulated
    assert "simulated" in config.obs_collection.lower()
    assert config.index is not None


def test_terms_of_the_record_of_ctao_are_known_without_a_network(tmp_path):
    vocabularies.seed(CHECKOUT / "rd" / "vocabularies.toml", tmp_path)
    known = (tmp_path / vocabularies.cache_name("uat")).read_text(encoding="utf-8")
    record = release.load(CHECKOUT / "inputs" / "ctao" / "release.toml").registry
    assert record is not None
    assert all(f'"{subject}"' in known for subject in record.subjects)


PUBLICATION = """\
** WARNING: Updating cache for the vocabulary product-type failed: no network
** WARNING: Aborting publication of rd 'ctao/q' since meta structure of <Service cone> (id='cone') is invalid:
 * title is missing
 * subject is missing
Failed source Undefined
** WARNING: Aborting publication of 'rd/hea' at service 'x': Resource record generation failed: why
"""


def test_statistics_are_taken_of_all_tables_that_clients_see():
    tables = ElementTree.parse(CHECKOUT / "rd" / "tables.rd").iter("table")
    assert [table.get("id") for table in tables if table.get("adql") == "True"] == list(TABLES_SEEN)


def test_what_dachs_silently_leaves_out_of_the_registry_is_found(tmp_path, monkeypatch):
    instance = bringup.Instance(Settings(instance=tmp_path))
    instance._account, instance.home = ME, tmp_path
    dachs = instance.dachs
    asked = []

    def run(command, *resources):
        asked.append((command, *resources))
        return PUBLICATION if command == "pub" else ""

    monkeypatch.setattr(dachs, "run", run)
    first, second = dachs.publish(["hess_dr", "ctao"])
    assert first.startswith("Aborting publication of rd 'ctao/q'")
    assert first.endswith(":\n * title is missing\n * subject is missing")
    assert second.endswith("'rd/hea' at service 'x': Resource record generation failed: why")
    assert [arguments for arguments in asked if arguments[0] == "limits"] == [
        ("limits", "--tables-only", "hess_dr/q", "ctao/q", "//obscore"),
        (
            "limits",
            *("hess_dr/q#obscore", "hess_dr/q#companions", "ctao/q#obscore", "ctao/q#companions"),
            "//obscore#ObsCore",
        ),
    ]
    assert {"hess_dr/q", "ctao/q", "rd/responses", "//obscore"} <= set(asked[-1])


def test_releases_in_object_stores(deployment, tmp_path):
    url = f"file://{fill(tmp_path / 'bucket', 'data/a.fits.gz')}"
    chosen = {"hess_dl3_dr1": url, "cta_1dc": "none"}
    home = deployment.inputs.parents[1]
    (found,) = releases.choices("hess_dr", Settings(**chosen), home, ME, NOTHING, first_time=False)
    assert found.url == url
    place = deployment.collection("hess_dr", [found])
    assert storage.store_of(place / "releases" / "hess-dl3-dr1" / "files") == url
    assert Files(found.directory).listed("data/*.fits.gz") == ["data/a.fits.gz"]
    assert Files(found.directory).state("data/a.fits.gz").there
    assert not Files(found.directory).state("data/b.fits.gz").there
    local = replace(found, directory=tmp_path / "bucket", url=None)
    deployment.collection("hess_dr", [local])
    assert storage.store_of(place / "releases" / "hess-dl3-dr1" / "files") is None
    assert (place / "releases" / "hess-dl3-dr1" / "files" / "data" / "a.fits.gz").exists()


NOTHING = Makers(fetch=lambda target: None, sample=lambda target: None, ctao_sample=lambda target: None)
