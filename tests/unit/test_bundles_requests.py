"""What clients send: identifiers, lists, VOTables, and conditions in headers."""

import base64
import os
import stat
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalink.bundles import identifiers
from datalink.bundles.identifiers import (
    UnusableRequestError,
    is_votable,
    normalised,
    of_text,
    of_votable,
)
from datalink.bundles.lists import Lists, UnknownListError, name_of
from datalink.conditions import Conditions, answer

DIDS = ["ivo://x.example/~?tele/1", "ivo://x.example/~?tele/2"]


def votable(rows, fields='<FIELD name="obs_publisher_did" datatype="char" arraysize="*"/>', before=""):
    cells = "".join(f"<TR>{''.join(f'<TD>{cell}</TD>' for cell in row)}</TR>" for row in rows)
    return (
        f'<?xml version="1.0"?>{before}<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f"<RESOURCE><TABLE>{fields}<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
    ).encode()


def test_identifiers_are_sorted_and_there_once():
    assert normalised([" b ", "a", "b", "", "  "]) == ("a", "b")


def test_there_must_be_some_identifiers_but_not_too_many(monkeypatch):
    with pytest.raises(UnusableRequestError, match="ID is missing") as caught:
        normalised(["", " "])
    assert not caught.value.too_large
    monkeypatch.setattr(identifiers, "MOST_IDENTIFIERS", 2)
    assert normalised(["a", "b", "a"]) == ("a", "b")
    with pytest.raises(UnusableRequestError, match="3 identifiers, expected 2") as caught:
        normalised(["a", "b", "c"])
    assert caught.value.too_large


def test_lists_have_a_line_for_each():
    assert of_text("\ufeffa\r\n\n# a comment\n b \n".encode()) == ["a", "b"]


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"caf\xe9"])
def test_lists_are_utf_8(content):
    with pytest.raises(UnusableRequestError, match="UTF-8"):
        of_text(content)


@pytest.mark.parametrize("read", [of_text, of_votable])
def test_what_is_too_large_is_not_read(monkeypatch, read):
    monkeypatch.setattr(identifiers, "MOST_BYTES", 10)
    with pytest.raises(UnusableRequestError, match="11 bytes") as caught:
        read(b"x" * 11)
    assert caught.value.too_large


@pytest.mark.parametrize("name", ["obs_publisher_did", "OBS_PUBLISHER_DID"])
@pytest.mark.parametrize("kind", ['datatype="char" arraysize="*"', 'datatype="unicodeChar" arraysize="40*"'])
def test_the_column_of_a_votable_is_read(name, kind):
    fields = f'<FIELD name="t_min" datatype="double"/><FIELD name="{name}" {kind}/>'
    assert of_votable(votable([(1, DIDS[0]), ("", DIDS[1]), (3, "")], fields)) == DIDS


def test_binary_votables_are_read():
    cells = b"".join(len(did).to_bytes(4, "big") + did.encode() for did in DIDS)
    stream = f'<BINARY><STREAM encoding="base64">{base64.b64encode(cells).decode()}</STREAM></BINARY>'
    content = votable([]).replace(b"<TABLEDATA></TABLEDATA>", stream.encode())
    assert of_votable(content) == DIDS


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "cannot be read"),
        (b"<VOTABLE", "cannot be read"),
        (votable([("x",)], '<FIELD name="obs_id" datatype="char" arraysize="*"/>'), "no column"),
        (votable([], before='<!DOCTYPE V [<!ENTITY x "y">]>'), "DTD"),
        (votable([], before='<! DocType V SYSTEM "file:///etc/passwd">'), "DTD"),
        (votable([]).decode().encode("utf-16"), "UTF-8"),
        (votable([]).replace(b'"1.0"', b'"1.0" encoding="utf-7"'), "UTF-8"),
        (
            votable([]).replace(
                b"<TABLEDATA></TABLEDATA>", b'<BINARY><STREAM\n href="file:///etc/passwd"/></BINARY>'
            ),
            "elsewhere",
        ),
        (
            votable([]).replace(
                b"<TABLEDATA></TABLEDATA>", b"<FITS><v:STREAM href='http://10.0.0.1/'/></FITS>"
            ),
            "elsewhere",
        ),
    ],
)
def test_votables_that_are_broken_or_lead_elsewhere_are_refused(content, problem):
    with pytest.raises(UnusableRequestError, match=problem):
        of_votable(content)


@given(st.binary(max_size=300))
def test_whatever_is_sent_is_read_or_refused(content):
    for read in (of_text, of_votable, lambda some: of_votable(votable([]) + some)):
        try:
            assert isinstance(read(content), list)
        except UnusableRequestError as error:
            assert str(error)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (votable([]), True),
        (b"\xef\xbb\xbf\n<?xml ", True),
        (b"<VOTABLE>", True),
        (b"<!DOCTYPE x>", True),
        (b"ivo://x", False),
        (b"", False),
    ],
)
def test_votables_are_told_from_lists(content, expected):
    assert is_votable(content) is expected


def test_a_list_is_kept_and_found_again(tmp_path):
    lists = Lists(tmp_path / "a" / "b")
    name = lists.keep(DIDS)
    assert name == name_of(DIDS) == lists.keep(DIDS)
    assert lists.get(name) == tuple(DIDS)
    assert [path.name for path in lists.directory.iterdir()] == [f"{name}.txt"]
    assert stat.S_IMODE(lists.directory.stat().st_mode) == 0o700
    assert Lists(tmp_path / "a" / "b").keep(DIDS[:1]) != name


@pytest.mark.parametrize("name", ["", "0" * 32, "../../etc/passwd", "x", "A" * 32, "0" * 31, "/0" * 16])
def test_lists_that_there_are_not(tmp_path, name):
    (tmp_path / "passwd").write_text("secret", encoding="utf-8")
    with pytest.raises(UnknownListError, match="send the list again"):
        Lists(tmp_path / "lists").get(name)


def test_unused_lists_go_and_used_ones_stay(tmp_path):
    lists = Lists(tmp_path)
    names = [lists.keep([str(number)]) for number in range(3)]
    long_ago = time.time() - 100 * 86400
    for name in names:
        os.utime(tmp_path / f"{name}.txt", (long_ago, long_ago))
    assert lists.get(names[1]) == ("1",)  # which is a use
    new = lists.keep(["new"])
    assert {path.stem for path in tmp_path.iterdir()} == {names[1], new}


def test_the_oldest_lists_go_when_there_is_no_room(tmp_path):
    lists = Lists(tmp_path, most_lists=2)
    names = []
    for number in range(4):
        names.append(lists.keep([str(number)]))
        moment = time.time() - 100 + number
        os.utime(tmp_path / f"{names[-1]}.txt", (moment, moment))
    assert {path.stem for path in tmp_path.iterdir()} == set(names[2:])
    small = Lists(tmp_path, most_bytes=150)
    last = small.keep(["x" * 100])
    assert len(list(tmp_path.iterdir())) == 3
    os.utime(tmp_path / f"{last}.txt", (1e9 + time.time(),) * 2)
    small.keep(["y" * 100])
    assert {path.stem for path in tmp_path.iterdir()} == {last}


def test_what_a_crash_left_goes_later(tmp_path):
    old, new = tmp_path / "old.partial", tmp_path / "new.partial"
    for path in (old, new):
        path.write_text("x", encoding="utf-8")
    os.utime(old, (time.time() - 7200,) * 2)
    Lists(tmp_path, most_lists=1).keep(["a"])
    assert not old.exists()
    assert new.exists()


SIZE, TAG, DATE = 1000, "abc", "Sun, 09 Sep 2001 01:46:40 GMT"


def answered(**headers):
    return answer(Conditions(**headers), SIZE, TAG, 1e9 + 0.5)


def header(found, name):
    return dict(found.headers).get(name)


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=990-", 990, 1000),
        ("bytes=990-5000", 990, 1000),
        ("bytes=-5", 995, 1000),
        ("bytes=-5000", 0, 1000),
        (" Bytes = 1 - 2 ", 1, 3),
    ],
)
def test_ranges(text, start, stop):
    found = answered(range=text)
    assert (found.status, found.start, found.stop) == (206, start, stop)
    assert header(found, "Content-Range") == f"bytes {start}-{stop - 1}/1000"
    assert header(found, "Content-Length") == str(stop - start)


@pytest.mark.parametrize("text", ["bytes=1000-", "bytes=5000-6000", "bytes=-0"])
def test_ranges_behind_the_end(text):
    found = answered(range=text)
    assert (found.status, found.start, found.stop) == (416, 0, 0)
    assert header(found, "Content-Range") == "bytes */1000"


@pytest.mark.parametrize("text", [None, "bytes=5-1", "bytes=-", "bytes=0-1,5-6", "lines=1-2", "bytes=x", ""])
def test_everything_is_sent_without_a_range_that_can_be_served(text):
    found = answered(range=text)
    assert (found.status, found.start, found.stop) == (200, 0, 1000)
    assert header(found, "Content-Length") == "1000"
    assert header(found, "ETag") == '"abc"'
    assert header(found, "Last-Modified") == DATE
    assert header(found, "Accept-Ranges") == "bytes"


@pytest.mark.parametrize(
    ("if_range", "status"),
    [('"abc"', 206), (DATE, 206), ('"other"', 200), ('W/"abc"', 200), ("Sun, 09 Sep 2001 01:46:41 GMT", 200)],
)
def test_a_range_is_for_the_same_bytes_only(if_range, status):
    assert answered(range="bytes=0-1", if_range=if_range).status == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"if_none_match": '"abc"'}, 304),
        ({"if_none_match": '"x", W/"abc"'}, 304),
        ({"if_none_match": "*"}, 304),
        ({"if_none_match": '"x"'}, 200),
        ({"if_none_match": '"x"', "if_modified_since": DATE}, 200),
        ({"if_modified_since": DATE}, 304),
        ({"if_modified_since": "Sun, 09 Sep 2001 01:46:39 GMT"}, 200),
        ({"if_modified_since": "yesterday"}, 200),
        ({"if_none_match": '"abc"', "range": "bytes=0-1"}, 304),
    ],
)
def test_what_the_client_has_is_not_sent_again(headers, status):
    found = answered(**headers)
    assert found.status == status
    assert (found.stop == 0) == (status == 304)
