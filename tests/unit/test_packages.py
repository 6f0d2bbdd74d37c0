from pathlib import Path

from instance import packages
from instance.packages import Archive

ONE_LINE = """\
# deb http://commented.example/debian bookworm main
deb [arch=amd64 signed-by=/k.gpg] http://mirror.example/debian bookworm main contrib
deb-src http://mirror.example/debian bookworm main
deb http://security.example/debian-security bookworm-security main
"""
DEB822 = """\
Types: deb deb-src
# a remark
URIs: http://other.example/debian
Suites: trixie trixie-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
Enabled: no
URIs: http://off.example/debian
Suites: trixie
Components: main

Types: deb
URIs: http://third.example/x
Suites: nodistro
Components: main
"""


def write_sources(tmp_path: Path) -> Path:
    parts = tmp_path / "sources.list.d"
    parts.mkdir()
    (tmp_path / "sources.list").write_text(ONE_LINE)
    (parts / "debian.sources").write_text(DEB822)
    return tmp_path


def test_apt_sources_in_both_forms(tmp_path):
    assert packages.read_archives(write_sources(tmp_path)) == [
        Archive("http://mirror.example/debian", ("bookworm",), "/k.gpg"),
        Archive("http://security.example/debian-security", ("bookworm-security",)),
        Archive(
            "http://other.example/debian",
            ("trixie", "trixie-updates"),
            "/usr/share/keyrings/debian-archive-keyring.gpg",
        ),
        Archive("http://third.example/x", ("nodistro",)),
    ]


def test_the_mirror_of_the_machines_own_release_is_taken(tmp_path):
    archives = packages.read_archives(write_sources(tmp_path))
    assert packages.debian_archive(archives, "bookworm").uri == "http://mirror.example/debian"
    assert packages.debian_archive(archives, "trixie").uri == "http://other.example/debian"
    assert packages.debian_archive(archives, "forky") is None


def test_rolling_suites_count_where_the_code_name_is_not_named():
    archives = [Archive("http://x.example", ("nodistro",)), Archive("http://y.example", ("testing",))]
    assert packages.debian_archive(archives, "forky").uri == "http://y.example"


def test_only_dachs_comes_from_the_newer_suite():
    source, preferences = packages.newer_suite_files(Archive("http://m.example/d", ("x",), "/k"), "testing")
    assert "URIs: http://m.example/d\nSuites: testing\n" in source
    assert "Signed-By: /k" in source
    general, special = preferences.strip().split("\n\n")
    assert general.splitlines() == ["Package: *", "Pin: release a=testing", "Pin-Priority: -1"]
    assert special.splitlines()[0].split()[1:] == list(packages.DACHS_PACKAGES)
    assert special.splitlines()[2] == "Pin-Priority: 600"


def test_versions_are_compared_as_debian_does():
    assert packages.at_least("2.13+dfsg-2", "2.13")
    assert packages.at_least("2.13.1~rc1-1", "2.13")
    assert not packages.at_least("2.7+dfsg-2", "2.13")
    assert not packages.at_least(None, "2.13")


def test_requirements_come_from_pyproject():
    assert any(item.startswith("mocpy") for item in packages.requirements())
    assert any(item.startswith("pytest") for item in packages.requirements("test"))
