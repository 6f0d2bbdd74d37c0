"""Tar archives that are made while they are read."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalink.bundles.archive import BLOCK, CHUNK, RECORD, Archive, Member, MemberError, header

SIZES = st.lists(st.sampled_from((0, 1, 511, 512, 513, 2000, 10240)), max_size=6)


def content_of(number, size):
    return bytes((number * 37 + n) % 251 for n in range(size))


def archive_of(sizes, long_names=False):
    name = ("x" * 180 + "/{}").format if long_names else "top/{}.fits".format
    return Archive(
        [
            Member.of_bytes(name(number), content_of(number, size), 1e9 + number + 0.5)
            for number, size in enumerate(sizes)
        ]
    )


def whole(archive):
    return b"".join(archive.chunks())


@given(SIZES, st.booleans())
def test_python_reads_what_was_put_in_and_the_size_was_announced(sizes, long_names):
    archive = archive_of(sizes, long_names)
    written = whole(archive)
    assert len(written) == archive.size
    assert archive.size % RECORD == 0
    with tarfile.open(fileobj=io.BytesIO(written), mode="r:") as opened:
        members = opened.getmembers()
        assert [member.name for member in members] == [member.name for member in archive.members]
        for number, (member, size) in enumerate(zip(members, sizes, strict=True)):
            extracted = opened.extractfile(member)
            assert extracted is not None
            assert extracted.read() == content_of(number, size)
            assert (member.mtime, member.mode, member.uid, member.gid) == (10**9 + number, 0o644, 0, 0)
            assert (member.uname, member.gname) == ("", "")


@given(SIZES, st.booleans(), st.data())
def test_any_part_is_the_same_as_in_the_whole(sizes, long_names, data):
    archive = archive_of(sizes, long_names)
    start = data.draw(st.integers(0, archive.size))
    stop = data.draw(st.integers(start, archive.size))
    parts = list(archive.chunks(start, stop))
    assert b"".join(parts) == whole(archive)[start:stop]
    assert all(parts)


def test_members_before_and_behind_a_part_are_not_touched():
    touched = []

    def watched(number):
        def chunks(start, stop):
            touched.append((number, start, stop))
            yield content_of(number, 1024)[start:stop]

        return Member(f"m{number}", 1024, 0, str(number), chunks)

    archive = Archive([watched(number) for number in range(4)])
    start = 2 * (BLOCK + 1024) + BLOCK + 10
    assert b"".join(archive.chunks(start, start + 20)) == content_of(2, 1024)[10:30]
    assert touched == [(2, 10, 30)]
    touched.clear()
    assert b"".join(archive.chunks(BLOCK + 1024, 2 * BLOCK + 1024)) == header(archive.members[1])
    assert touched == []


def test_names_and_sizes_that_ustar_has_need_no_other_header():
    def kind(name, size=0):
        return header(Member(name, size, 0, "", lambda start, stop: ()))

    assert len(kind("a/" * 60 + "b")) == BLOCK  # split into prefix and name
    assert len(kind("x", 8**11 - 1)) == BLOCK
    assert len(kind("x", 8**11)) > BLOCK
    assert len(kind("x" * 101)) > BLOCK
    assert len(kind("tél")) > BLOCK
    assert kind("x" * 101)[156:157] == b"x"  # a PAX header


def test_a_large_member_is_found_behind_its_announced_size():
    size = 9 * 1024**3

    def chunks(start, stop):
        yield b"z" * (stop - start)

    archive = Archive([Member("big", size, 0, "1", chunks), Member.of_bytes("small", b"abc", 0)])
    assert b"abc" in b"".join(archive.chunks(archive.size - 2 * RECORD))


def test_chunks_stay_small_whatever_a_member_hands_out():
    archive = Archive([Member.of_bytes("m", bytes(3 * CHUNK + 1), 0)])
    assert max(map(len, archive.chunks())) == CHUNK


@pytest.mark.parametrize(
    ("given_bytes", "problem"), [(99, "1 bytes early"), (101, "more than"), (0, "early")]
)
def test_a_member_of_another_size_is_an_error_after_what_was_right(given_bytes, problem):
    member = Member("m", 100, 0, "", lambda start, stop: [bytes(given_bytes)])
    archive = Archive([Member.of_bytes("first", b"abc", 0), member])
    sent = []
    with pytest.raises(MemberError, match=problem):
        for chunk in archive.chunks():
            sent.append(chunk)
    right = whole(Archive([Member.of_bytes("first", b"abc", 0), Member.of_bytes("m", bytes(100), 0)]))
    assert right.startswith(b"".join(sent))
    assert len(b"".join(sent)) < archive.size


def test_the_tag_is_another_one_when_anything_is():
    def tag(name="m", size=3, modified=5.0, etag="e"):
        return Archive([Member(name, size, modified, etag, lambda start, stop: ())]).etag

    tags = [tag(), tag(name="n"), tag(size=4), tag(modified=6.0), tag(etag="f")]
    assert len(set(tags)) == len(tags)
    assert tag(modified=5.5) == tag()  # the archive holds whole seconds


def test_the_order_of_members_is_part_of_the_tag():
    members = [Member.of_bytes(name, b"x", 0) for name in "ab"]
    assert Archive(members).etag != Archive(members[::-1]).etag


@pytest.mark.parametrize("name", ["", "/etc/passwd", "a/../b", "..", "a//b", "./a", "a/", "a\0b"])
def test_names_that_lead_elsewhere_are_refused(name):
    with pytest.raises(ValueError, match="no name"):
        Archive([Member.of_bytes(name, b"", 0)])


def test_two_members_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two members"):
        Archive([Member.of_bytes("a", b"", 0), Member.of_bytes("a", b"", 0)])


@pytest.mark.parametrize(("start", "stop"), [(-1, 5), (6, 5), (0, 10**9)])
def test_bytes_that_there_are_not_are_refused(start, stop):
    with pytest.raises(ValueError, match="bytes"):
        next(archive_of([1]).chunks(start, stop))


def test_an_archive_of_nothing_is_an_archive():
    written = whole(Archive([]))
    assert written == bytes(RECORD)
    with tarfile.open(fileobj=io.BytesIO(written)) as opened:
        assert opened.getmembers() == []
    assert Archive([]).modified == 0.0
