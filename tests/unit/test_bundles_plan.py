"""The plan of a bundle: what goes in, where it lies, what is said about it."""

import gzip
import io
import itertools
import json
import tarfile
from dataclasses import replace

import pytest
from astropy.io import fits

from datalink.bundles.archive import MemberError
from datalink.bundles.plan import NothingLeftError, SourceGoneError, fingerprint, plan, segment
from datalink.bundles.selection import select
from datalink.files import ANONYMOUS, Access, Fault, User
from ingest.errors import UnreadableFileError
from serving.sender import FilePart
from tests.bundle_files import (
    CLOSED,
    TODAY,
    Store,
    composed_run,
    file,
    found,
    hdu,
    holdings,
    release,
    simulated_release,
    whole_run,
    with_files,
)

OBSERVER = User("ann", frozenset({"observers"}))


def planned(lists, user=ANONYMOUS, today=TODAY, store=None, releases=None):
    store = store or Store()
    return plan(lists, user, today, holdings(store.content, lists, releases=releases))


def unpacked(plan_):
    """Give name, below the top directory, to content."""
    with tarfile.open(fileobj=io.BytesIO(b"".join(plan_.archive.chunks())), mode="r:") as opened:
        found_ = {}
        for member in opened.getmembers():
            top, _, name = member.name.partition("/")
            assert top == plan_.name
            extracted = opened.extractfile(member)
            assert extracted is not None
            found_[name] = extracted.read()
        return found_


def index(content):
    return fits.open(io.BytesIO(gzip.decompress(content)))[1].data


def located(files, index_name="hdu-index.fits.gz"):
    """Give OBS_ID, HDU_TYPE, HDU_NAME and path of each row of an HDU index, after looking for the file."""
    rows = []
    for line in index(files[index_name]):
        path = f"{line['FILE_DIR']}/{line['FILE_NAME']}"
        if "/" in index_name:
            assert path.startswith("../")
            path = path.removeprefix("../")
        assert path in files
        rows.append((line["OBS_ID"], line["HDU_TYPE"], line["HDU_NAME"], path))
    return rows


def test_one_run_in_its_own_file():
    store, lists = Store(), found(whole_run("7"))
    made = planned(lists, store=store)
    assert made.name == "tele_7"
    assert store.read == []  # planning reads nothing
    files = unpacked(made)
    assert list(files) == [
        *("hdu-index.fits.gz", "obs-index.fits.gz", "README.txt", "TERMS.txt"),
        *("provenance/tele/7.json", "tele/7/run_7.fits.gz"),
    ]
    package = lists.event_lists[0].files[-1]
    assert files["tele/7/run_7.fits.gz"] == store.bytes_of(package)
    kinds = ("events", "gti", "aeff", "edisp", "psf", "bkg")
    assert located(files) == [(7, kind, kind.upper(), "tele/7/run_7.fits.gz") for kind in kinds]
    assert list(index(files["obs-index.fits.gz"])["OBS_ID"]) == [7]
    assert "prefix" in json.loads(files["provenance/tele/7.json"])
    assert not made.private
    assert made.left_out == ()


def test_shared_responses_are_there_once_and_indexed_for_each_run():
    files = unpacked(planned(found(composed_run("7"), composed_run("8"))))
    data = [name for name in files if name.startswith("tele/")]
    assert data == sorted(data)
    assert len(data) == 2 + 4
    rows = located(files)
    assert len(rows) == 2 * 6
    assert {path for _, kind, _, path in rows if kind == "psf"} == {"tele/caldb.std/caldb.std_psf.fits"}
    assert [name for name in files if name.startswith("provenance/")] == [
        *("provenance/tele/7.json", "provenance/tele/8.json", "provenance/tele/caldb.std.json")
    ]


def test_the_order_of_what_is_asked_for_plays_no_role():
    lists = [whole_run("7"), composed_run("8"), composed_run("9", "events-x")]
    extra = file("caldb.other", "o_psf.fits", (hdu("psf"),), part="psf")
    faults = [Fault("b", "NotFoundFault", "no b"), Fault("a", "UsageFault", "no a")]
    written = {
        b"".join(planned(found(*some, files=(extra,), faults=wrong)).archive.chunks())
        for some in itertools.permutations(lists)
        for wrong in (faults, faults[::-1])
    }
    assert len(written) == 1


def test_further_event_lists_of_a_run_have_index_tables_of_their_own():
    lists = [composed_run("7", part) for part in ("events-std", "events-hard", "events-soft")]
    files = unpacked(planned(found(*lists, whole_run("8"))))
    assert {row[0] for row in located(files)} == {7, 8}
    assert ("tele/7/7_events-hard.fits") in {row[3] for row in located(files)}  # the first by its identifier
    for label in ("soft", "std"):
        rows = located(files, f"index-{label}/hdu-index.fits.gz")
        assert {row[0] for row in rows} == {7}
        assert f"tele/7/7_events-{label}.fits" in {row[3] for row in rows}
        assert list(index(files[f"index-{label}/obs-index.fits.gz"])["OBS_ID"]) == [7]
        assert f"index-{label}" in files["README.txt"].decode()


def test_observations_of_the_same_number_in_two_collections_have_index_tables_of_their_own():
    made = planned(found(whole_run("7"), whole_run("7", collection="other"), whole_run("8")))
    assert made.name.startswith("cherenkov-bundle-")
    files = unpacked(made)
    first = located(files)
    second = located(files, "index-tele/hdu-index.fits.gz")
    assert {(row[0], row[3].partition("/")[0]) for row in first} == {(7, "other"), (8, "tele")}
    assert {(row[0], row[3].partition("/")[0]) for row in second} == {(7, "tele")}


def test_observations_without_numbers_are_counted():
    files = unpacked(planned(found(whole_run("night-b"), whole_run("night-a"), whole_run("12"))))
    rows = index(files["obs-index.fits.gz"])
    assert list(zip(rows["OBS_ID"], rows["OBS_NAME"], strict=True)) == [
        *((1, "12"), (2, "night-a"), (3, "night-b"))
    ]
    assert {row[0] for row in located(files)} == {1, 2, 3}
    assert "OBS_NAME" in files["README.txt"].decode()


def test_a_whole_file_with_two_hdus_of_one_name_gives_way_to_single_files():
    run = whole_run("7")
    twice = replace(run.files[-1], hdus=(*run.files[-1].hdus, replace(hdu("psf"), version=2)))
    files = unpacked(planned(found(with_files(run, *run.files[:-1], twice))))
    assert "tele/7/run_7.fits.gz" not in files
    assert ("tele/7/7_psf.fits") in {row[3] for row in located(files)}
    assert len(located(files)) == 6


def test_hdus_that_cannot_be_named_are_not_indexed_and_the_readme_says_so():
    run = composed_run("7")
    nameless = file("7", "7_psf.fits", (hdu("psf", " "),), part="psf")
    files = unpacked(planned(found(with_files(run, run.files[0], nameless))))
    assert [row[1] for row in located(files)] == ["events", "gti"]
    assert "tele/7/7_psf.fits" in files
    text = files["README.txt"].decode()
    assert nameless.dataset in text
    assert "all-optional" in text


def test_hdu_names_are_told_apart_without_regard_to_case():
    run = composed_run("7")
    odd = file("7", "7_psf.fits", (hdu("psf", "PSF"), hdu("psf", "psf ")), part="psf")
    files = unpacked(planned(found(with_files(run, run.files[0], odd))))
    assert [row[1] for row in located(files)] == ["events", "gti"]


def test_a_response_alone_needs_no_index():
    alone = file("caldb.std", "std_psf.fits", (hdu("psf"),), part="psf")
    made = planned(found(files=(alone,)))
    assert made.name == "tele_caldb-std"
    assert list(unpacked(made)) == [
        *("README.txt", "TERMS.txt", "provenance/tele/caldb.std.json", "tele/caldb.std/std_psf.fits")
    ]


def test_what_was_asked_for_twice_is_there_once():
    run = composed_run("7")
    psf = next(one for one in run.files if one.content_qualifier == "psf")
    names = [member.name for member in planned(found(run, files=(psf,))).archive.members]
    assert len(names) == len(set(names))
    assert sum(name.endswith("_psf.fits") for name in names) == 1


def test_local_files_are_named_and_those_in_a_store_are_read():
    run = whole_run("7")
    for remote in (False, True):
        archive = planned(found(run), store=Store(remote=remote)).archive
        segments = list(archive.segments())
        parts = [segment_ for segment_ in segments if isinstance(segment_, FilePart)]
        assert len(parts) == (not remote)
        assert sum(len(one) if isinstance(one, bytes) else one.size for one in segments) == archive.size


def test_embargoed_runs_stay_out_and_are_named():
    closed = whole_run("8", access=CLOSED)
    lists = found(whole_run("7"), closed, faults=[Fault("nix", "NotFoundFault", "There is no nix.")])
    made = planned(lists)
    files = unpacked(made)
    assert not any("8" in name for name in files)
    assert {row[0] for row in located(files)} == {7}
    text = files["LEFT-OUT.txt"].decode()
    assert f"{closed.did}\tThese data are proprietary until 2030-01-01 (UTC)." in text
    assert "nix\tThere is no nix." in text
    assert "2 data sets" in files["README.txt"].decode()
    assert not made.private


@pytest.mark.parametrize(
    ("user", "today"), [(OBSERVER, TODAY), (User("root", admin=True), TODAY), (ANONYMOUS, CLOSED.until)]
)
def test_a_right_or_the_day_opens_them(user, today):
    made = planned(found(whole_run("7"), whole_run("8", access=CLOSED)), user, today)
    assert {row[0] for row in located(unpacked(made))} == {7, 8}
    assert made.left_out == ()
    assert made.private == (today == TODAY)


def test_bundles_of_different_rights_have_different_tags():
    lists = found(whole_run("7"), whole_run("8", access=CLOSED))
    assert planned(lists).archive.etag != planned(lists, OBSERVER).archive.etag
    assert planned(lists).name == planned(lists, User("joe", frozenset({"others"}))).name


def test_a_response_without_a_right_stays_out_alone():
    run = composed_run("7")
    files = [replace(one, access=CLOSED) if one.content_qualifier == "bkg" else one for one in run.files]
    made = planned(found(with_files(run, *files)))
    content = unpacked(made)
    assert [left.identifier for left in made.left_out] == ["ivo://test.example/~?tele/caldb.std/bkg"]
    assert [row[1] for row in located(content)] == ["events", "gti", "aeff", "edisp", "psf"]
    assert not any("bkg" in name for name in content)


def test_a_closed_whole_file_gives_way_to_open_parts():
    run = whole_run("7")
    files = [replace(one, access=CLOSED) if one.semantics == "#package" else one for one in run.files]
    names = unpacked(planned(found(with_files(run, *files))))
    assert "tele/7/run_7.fits.gz" not in names
    assert "tele/7/7_event-list.fits" in names


@pytest.mark.parametrize(
    ("lists", "kinds"),
    [
        (found(whole_run("8", access=CLOSED)), ["withheld"]),
        (found(files=(file("8", "p.fits", (hdu("psf"),), part="psf", access=CLOSED),)), ["withheld"]),
        (found(with_files(whole_run("8"))), ["empty"]),
        (
            found(faults=[Fault("x", "UsageFault", "?"), Fault("y", "NotFoundFault", "?")]),
            ["senseless", "unknown"],
        ),
    ],
)
def test_nothing_to_send_is_an_error_with_reasons(lists, kinds):
    with pytest.raises(NothingLeftError) as caught:
        planned(lists)
    assert [left.kind for left in caught.value.left_out] == kinds


def test_access_for_ever_by_groups_alone():
    forever = Access(("observers",), None)
    with pytest.raises(NothingLeftError):
        planned(found(whole_run("8", access=forever)))
    assert planned(found(whole_run("8", access=forever)), OBSERVER).private


def test_a_missing_file_is_known_before_anything_is_sent_and_its_path_is_not_told():
    store = Store()
    store.gone.add("run_8.fits.gz")
    with pytest.raises(SourceGoneError) as caught:
        planned(found(whole_run("7"), whole_run("8")), store=store)
    assert "tele/8/event-bundle" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("fate", ["gone", "changed", "short"])
def test_a_file_that_goes_or_changes_later_breaks_the_archive_off(fate):
    store = Store()
    made = planned(found(whole_run("7"), whole_run("8")), store=store)
    getattr(store, fate).add("run_8.fits.gz")
    sent = []
    with pytest.raises((MemberError, UnreadableFileError)):
        for chunk in made.archive.chunks():
            sent.append(chunk)
    assert 0 < len(b"".join(sent)) < made.archive.size


@pytest.mark.parametrize(
    "obs_id", ["..", ".", "a/b", "/etc", "a\nb", "é" * 300, "-rf", "$HOME", " x ", "a\\b"]
)
def test_strange_names_stay_below_the_top(obs_id):
    run = composed_run(obs_id)
    made = planned(found(run))
    assert "/" not in made.name
    assert made.name.isascii()
    assert made.name.strip(".-")
    for member in made.archive.members:
        assert member.name.isascii()
        assert member.name.isprintable()
        assert "$" not in member.name
        assert not {"", ".", ".."} & set(member.name.split("/"))
        assert max(map(len, member.name.split("/"))) <= 200
    assert len(located(unpacked(made))) == 6


def test_different_names_make_different_paths():
    names = ["a", "A", "..", "%2E%2E", "a/b", "a%2Fb", "x" * 300, "x" * 301, "x" * 299 + "y"]
    assert len({segment(name) for name in names}) == len(names)


def test_times_of_members_are_those_of_their_files():
    members = {
        member.name.rpartition("/")[2]: member for member in planned(found(whole_run("7"))).archive.members
    }
    assert int(members["run_7.fits.gz"].modified) == 1_500_000_000
    assert members["7.json"].modified == 1_735_689_600  # 2025-01-01, when it was imported
    assert members["README.txt"].modified == members["7.json"].modified


def test_the_fingerprint_changes_with_the_bundle_and_not_without():
    run, store = whole_run("7"), Store()

    def of(lists, user=ANONYMOUS):
        return fingerprint(lists, user, TODAY, holdings(store.content, lists))

    first = of(found(run))
    assert first == of(found(run)) == of(found(run), OBSERVER)
    assert of(found(replace(run, row=dict(run.row) | {"ontime": 5.0}))) != first
    assert of(found(run, faults=[Fault("x", "NotFoundFault", "no")])) != first
    store.changed.add("run_7.fits.gz")
    assert of(found(run)) != first
    with pytest.raises(NothingLeftError):
        of(found(whole_run("8", access=CLOSED)))


@pytest.mark.parametrize(
    ("lists", "title", "count"),
    [
        ([whole_run("7", obs_collection="SIMULATED-1")], "SIMULATED:", 2),
        (
            [whole_run("7", obs_collection="SIMULATED-1"), whole_run("8", collection="other")],
            "in part SIMULATED",
            2,
        ),
        ([whole_run("8", collection="other")], "A bundle of Cherenkov data\n", 0),
    ],
)
def test_simulated_data_are_called_simulated(lists, title, count):
    releases = {"tele": {"r": simulated_release()}, "other": {"r": release()}}
    files = unpacked(planned(found(*lists), releases=releases))
    text = files["README.txt"].decode()
    assert title in text.partition("====")[0]
    assert text.count("SIMULATED:") + text.count("in part SIMULATED") == count
    assert ("SIMULATED:" in files["TERMS.txt"].decode()) == bool(count)


def test_a_simulated_response_alone_is_called_simulated():
    alone = found(files=(file("caldb", "psf.fits", (hdu("psf"),), part="psf"),))
    files = unpacked(planned(alone, releases={"tele": {"r": simulated_release()}}))
    assert "SIMULATED" in files["README.txt"].decode().partition("====")[0]


def test_terms_are_those_of_all_collections_and_name_what_is_simulated_in_a_mixed_one():
    mixed = {"a": release(), "b": release(obs_collection="SIM-2 (simulated)", simulated=True, registry=None)}
    lists = found(whole_run("7"), whole_run("8", collection="other"))
    text = unpacked(planned(lists, releases={"tele": mixed, "other": {"r": release()}}))["TERMS.txt"].decode()
    assert text.count("Use them as you like.") == text.count("Thank Tele.") == 2
    assert "SIM-2 (simulated) are SIMULATED" in " ".join(text.split())


def test_a_run_with_the_rights_to_nothing_but_its_calibration_is_left_out():
    run = composed_run("7")
    closed = with_files(run, replace(run.files[0], access=CLOSED), *run.files[1:])
    selection = select(found(closed), ANONYMOUS, TODAY)
    assert selection.files == ()
    assert [left.identifier for left in selection.left_out] == [run.did]
