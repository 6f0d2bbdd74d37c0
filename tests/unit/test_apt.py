"""Which archives the machine gets Debian itself from."""

from __future__ import annotations

from pathlib import Path

import pytest

from instance import apt


@pytest.fixture
def etc_apt(tmp_path: Path) -> Path:
    (tmp_path / "apt" / "sources.list.d").mkdir(parents=True)
    return tmp_path / "apt"


def uris(etc_apt: Path, release: str) -> list[str]:
    return [archive.uri for archive in apt.debian_archives(release, etc_apt)]


def write_source(etc_apt: Path, name: str, text: str) -> None:
    (etc_apt / "sources.list.d" / name).write_text(text)


def test_new_format(etc_apt: Path) -> None:
    write_source(
        etc_apt,
        "debian.sources",
        "Types: deb deb-src\n# a comment\nURIs: http://mirror.example/debian/\n"
        "Suites: bookworm bookworm-updates\nComponents: main contrib\n"
        "Signed-By: /usr/share/keyrings/debian.gpg\n\n"
        "Types: deb\nURIs: http://mirror.example/debian-security\nSuites: bookworm-security\n"
        "Components: main\n",
    )
    (archive,) = apt.debian_archives("bookworm", etc_apt)
    assert archive.uri == "http://mirror.example/debian/"
    assert archive.fields == (("Signed-By", "/usr/share/keyrings/debian.gpg"),)


def test_old_format(etc_apt: Path) -> None:
    (etc_apt / "sources.list").write_text("# deb http://no.example/debian bookworm main\n")
    write_source(
        etc_apt,
        "more.list",
        "deb [arch=amd64 signed-by=/k.gpg] https://mirror.example/debian bookworm main # here\n"
        "deb-src https://source.example/debian bookworm main\n"
        "deb cdrom:[Debian]/ bookworm main\n",
    )
    (archive,) = apt.debian_archives("bookworm", etc_apt)
    assert archive == apt.Archive("https://mirror.example/debian", (("Signed-By", "/k.gpg"),))


def test_single_file_of_the_old_format(etc_apt: Path) -> None:
    (etc_apt / "sources.list").write_text("deb http://mirror.example/debian trixie main\n")
    assert uris(etc_apt, "trixie") == ["http://mirror.example/debian"]


@pytest.mark.parametrize(
    "change",
    [
        ("Types: deb", "Types: deb-src"),
        ("Components: main", "Components: stable"),
        ("Suites: bookworm", "Suites: bookworm-backports"),
        ("Suites: bookworm", "Suites: bookworm-security"),
        ("URIs: http://mirror.example/debian", "URIs: cdrom:[Debian]/"),
        ("Components: main", "Components: main\nEnabled: no"),
        ("Components: main", "Components: main\nenabled: Off"),
    ],
)
def test_unusable_entries_are_left_out(etc_apt: Path, change: tuple[str, str]) -> None:
    text = "Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm\nComponents: main\n"
    write_source(etc_apt, "a.sources", text)
    assert len(apt.debian_archives("bookworm", etc_apt)) == 1
    write_source(etc_apt, "a.sources", text.replace(*change))
    assert apt.debian_archives("bookworm", etc_apt) == []


def test_values_may_go_on_in_further_lines(etc_apt: Path) -> None:
    write_source(
        etc_apt,
        "a.sources",
        "types: deb\nURIs: http://one.example/debian\n# a remark\n http://two.example/debian\n"
        "Suites:\n bookworm\n bookworm-updates\nComponents: main\n \n"
        "Types: deb\nURIs: http://three.example/debian\nSuites: bookworm\nComponents: main\n",
    )
    assert uris(etc_apt, "bookworm") == [f"http://{n}.example/debian" for n in ("one", "two", "three")]


def test_how_to_reach_and_trust_an_archive_is_kept(etc_apt: Path) -> None:
    write_source(
        etc_apt,
        "a.list",
        "deb [ trusted=yes arch=amd64 check-valid-until=no ] http://a.example/debian sid main\n",
    )
    write_source(
        etc_apt,
        "b.sources",
        "Types: deb\nURIs: http://b.example/debian\nSuites: sid\nComponents: main\n"
        "Architectures: amd64\nCheck-Valid-Until: no\nTrusted: yes\nBy-Hash: force\n",
    )
    trust = (("Trusted", "yes"), ("Check-Valid-Until", "no"))
    assert apt.debian_archives("", etc_apt) == [
        apt.Archive("http://a.example/debian", trust),
        apt.Archive("http://b.example/debian", (*trust, ("By-Hash", "force"))),
    ]


def test_files_of_other_names_are_not_read(etc_apt: Path) -> None:
    write_source(etc_apt, "a.list.disabled", "deb http://mirror.example/debian bookworm main\n")
    assert apt.debian_archives("bookworm", etc_apt) == []


def test_debian_itself_comes_first_and_once(etc_apt: Path) -> None:
    write_source(etc_apt, "a.list", "deb http://vendor.example/php bookworm main\n")
    write_source(etc_apt, "b.list", "deb http://vendor.example/more/debian bookworm main\n")
    write_source(
        etc_apt,
        "c.list",
        "deb http://mirror.example/debian bookworm main\ndeb http://mirror.example/debian/ testing main\n",
    )
    assert uris(etc_apt, "bookworm") == [
        "http://mirror.example/debian",
        "http://vendor.example/more/debian",
        "http://vendor.example/php",
    ]


def test_the_mirror_of_the_machines_own_release_comes_first(etc_apt: Path) -> None:
    # Such as the entry that this project writes itself, when the machine has changed its mirror since.
    write_source(etc_apt, "a.list", "deb [signed-by=/old] http://old.example/debian testing main\n")
    write_source(
        etc_apt,
        "b.list",
        "deb [signed-by=/old] http://new.example/debian testing main\n"
        "deb [signed-by=/new] http://new.example/debian bookworm main\n",
    )
    first, second = apt.debian_archives("bookworm", etc_apt)
    assert first == apt.Archive("http://new.example/debian", (("Signed-By", "/new"),))
    assert second.uri == "http://old.example/debian"


def test_rolling_suites_count_where_the_code_name_is_not_named(etc_apt: Path) -> None:
    write_source(etc_apt, "a.list", "deb http://x.example nodistro main\ndeb http://y.example testing main\n")
    assert uris(etc_apt, "forky") == ["http://y.example"]
    assert uris(etc_apt, "") == ["http://y.example"]


def test_entry_for_another_suite() -> None:
    archive = apt.Archive("http://mirror.example/debian", (("Signed-By", "/k.gpg"),))
    assert archive.stanza("testing", ("Architectures", "arm64")) == (
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: testing\nComponents: main\n"
        "Architectures: arm64\nSigned-By: /k.gpg\n"
    )


def test_key_within_the_entry_survives(etc_apt: Path) -> None:
    key = "\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY865UxYJ\n -----END PGP PUBLIC KEY BLOCK-----"
    write_source(
        etc_apt,
        "a.sources",
        f"Types: deb\nURIs: http://m.example/debian\nSuites: stable\nComponents: main\nSigned-By:{key}\n",
    )
    (archive,) = apt.debian_archives("bookworm", etc_apt)
    assert archive.fields == (("Signed-By", key),)
    # Written for another suite and read back it is the same.
    write_source(etc_apt, "a.sources", archive.stanza("testing"))
    assert apt.debian_archives("bookworm", etc_apt) == [archive]


def test_codename(tmp_path: Path) -> None:
    release = tmp_path / "os-release"
    release.write_text('NAME="Debian"\nVERSION_CODENAME="trixie"\n')
    assert apt.codename(release) == "trixie"
    assert apt.codename(tmp_path / "missing") == ""
