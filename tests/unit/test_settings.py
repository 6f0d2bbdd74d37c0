from dataclasses import fields
from pathlib import Path

import pytest

from ingest import access
from ingest.errors import ConfigError
from ingest.vocabulary import PROFILES
from instance import settings
from instance.settings import Settings, load
from tests import thorough


def test_defaults(tmp_path):
    assert load({}, tmp_path) == Settings()
    assert Settings().url == "http://localhost:8080"


def test_variables_win_over_the_file(tmp_path):
    (tmp_path / "cherenkov-vo.toml").write_text('port = 9000\nsite_name = "Here"\ndownload = false\n')
    found = load({"CHERENKOV_VO_PORT": "9001"}, tmp_path)
    assert (found.port, found.site_name, found.download) == (9001, "Here", False)
    assert found.url == "http://localhost:9001"


def test_every_setting_can_be_set_by_its_variable(tmp_path):
    for known in fields(Settings):
        text = {"int": "1234", "bool": "no", "Path": "/a/b"}.get(str(known.type), "/a.b")
        text = {
            "authority": "org.example",
            "short_name": "Short",
            "public_url": "http://a.example",
            "vocabulary": "draft",
            "access_url": "datalink",
            "obscore_access_url": "both",
            "log_addresses": "full",
            "trusted_proxies": "10.0.0.0/8 ::1",
            "security_contact": "https://a.example/tell",
            "upload_hosts": "a.example b.example:8080",
            "explorer_services": "a=https://a.example/tap b=http://b.example",
            "explorer_runners": "opus=https://a.example/rest/",
            "explorer_resolver": "none",
            "explorer_oidc_issuer": "https://a.example/realms/x",
            "explorer_group_rights": "staff=hess,ctao /groups/x=ctao",
            "replicas": "db2.example:5432 [::1]:5433",
        }.get(known.name, text)
        more = {
            "explorer_oidc_issuer": {"CHERENKOV_VO_EXPLORER_OIDC_CLIENT_ID": "x"},
            "explorer_oidc_client_id": {"CHERENKOV_VO_EXPLORER_OIDC_ISSUER": "https://a.example"},
        }.get(known.name, {})
        found = load({settings.variable_of(known.name): text, **more}, tmp_path)
        assert str(getattr(found, known.name)) in (text, "False", str(Path(text).absolute()))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("explorer_services", "https://a.example"),
        ("explorer_services", "own=https://a.example"),
        ("explorer_services", "a=https://a.example a=https://b.example"),
        ("explorer_services", "A=https://a.example"),
        ("explorer_services", "a=https://user@a.example"),
        ("explorer_runners", "a=file:///x"),
        ("explorer_group_rights", "staff"),
        ("explorer_group_rights", "staff=a,,b"),
        ("explorer_group_rights", "staff=a staff=b"),
        ("explorer_resolver", "no"),
        ("explorer_oidc_issuer", "https://a.example"),
        ("explorer_oidc_client_id", "x"),
    ],
)
def test_settings_of_the_explorer_that_make_no_sense(tmp_path, name, text):
    with pytest.raises(ConfigError, match=name):
        load({settings.variable_of(name): text}, tmp_path)


def test_every_setting_is_explained():
    for variable, _, text in settings.describe():
        assert variable.isupper()
        assert len(text) > 10


def test_a_release_directory_or_the_sample(tmp_path):
    assert load({"HESS_DL3_DR1": "/data/hess"}, tmp_path).hess_dl3_dr1 == "/data/hess"
    assert load({"HESS_DL3_DR1": "sample"}, tmp_path).hess_dl3_dr1 == "sample"


def test_a_data_challenge_or_none(tmp_path):
    assert load({}, tmp_path).cta_1dc is None
    assert load({"CTA_1DC": "/data/cta"}, tmp_path).cta_1dc == "/data/cta"
    assert load({"CTA_1DC": "none"}, tmp_path).cta_1dc == "none"


def test_the_vocabularies_are_those_of_the_mapping(tmp_path):
    assert set(settings.VOCABULARIES) == set(PROFILES)
    (tmp_path / "cherenkov-vo.toml").write_text('vocabulary = "draft"\nctao_runs = 30\n')
    found = load({}, tmp_path)
    assert (found.vocabulary, found.ctao_runs) == ("draft", 30)


def test_access_urls_are_those_of_the_import(tmp_path):
    assert settings.ACCESS_URLS == access.IN_COLLECTIONS
    assert settings.OBSCORE_ACCESS_URLS == access.IN_OBSCORE
    assert (Settings().access_url, Settings().obscore_access_url) == (access.FILE, access.DATALINK)
    (tmp_path / "cherenkov-vo.toml").write_text('access_url = "datalink"\nobscore_access_url = "both"\n')
    found = load({}, tmp_path)
    assert (found.access_url, found.obscore_access_url) == (access.DATALINK, access.BOTH)


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"CHERENKOV_VO_POTR": "1"}, "CHERENKOV_VO_POTR"),
        ({"CHERENKOV_VO_PORT": "http"}, "CHERENKOV_VO_PORT"),
        ({"CHERENKOV_VO_PORT": "70000"}, "70000"),
        ({"CHERENKOV_VO_AUTHORITY": "a b"}, "a b"),
        ({"CHERENKOV_VO_SHORT_NAME": "much too long"}, "much too long"),
        ({"CHERENKOV_VO_PUBLIC_URL": "ftp://x"}, "ftp://x"),
        ({"CHERENKOV_VO_PUBLIC_URL": "http://x/path"}, "without a path"),
        ({"CHERENKOV_VO_DOWNLOAD": "perhaps"}, "perhaps"),
        ({"CHERENKOV_VO_VOCABULARY": "latin"}, "'latin': expected one of talk, draft"),
        ({"CHERENKOV_VO_ACCESS_URL": "both"}, "access_url = 'both': expected one of file, datalink"),
        ({"CHERENKOV_VO_OBSCORE_ACCESS_URL": "none"}, "'none': expected one of datalink, file, both"),
        ({"CHERENKOV_VO_CTAO_RUNS": "0"}, "at least 1"),
        ({"CHERENKOV_VO_CTAO_RUNS": "many"}, "CHERENKOV_VO_CTAO_RUNS = 'many': expected a whole number"),
    ],
)
def test_bad_variables(tmp_path, environ, message):
    with pytest.raises(ConfigError, match=message):
        load(environ, tmp_path)


@pytest.mark.parametrize(
    ("content", "message"), [("prot = 1", "prot"), ("port = ", "TOML"), ("\xff", "TOML")]
)
def test_bad_files(tmp_path, content, message):
    (tmp_path / "cherenkov-vo.toml").write_bytes(content.encode("latin-1"))
    with pytest.raises(ConfigError, match=message):
        load({}, tmp_path)


def test_local_url_is_one_that_answers():
    assert Settings(bind="").local_url == "http://127.0.0.1:8080"
    assert Settings(bind="192.0.2.1", port=80).local_url == "http://192.0.2.1:80"
    assert Settings(bind="::", port=80).local_url == "http://[::1]:80"
    assert Settings(bind="2001:db8::1", port=80).local_url == "http://[2001:db8::1]:80"
    assert Settings(public_url="https://vo.example").url == "https://vo.example"


def test_reachable_by_others(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert not settings.reachable_by_others(closed / "var" / "deeper")
    assert settings.reachable_by_others(Path("/usr/lib"))


def test_roots_instance_moves_out_of_a_closed_checkout(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    chosen = Settings(instance=closed / "var")
    monkeypatch.setattr(settings.os, "geteuid", lambda: 0)
    assert settings.home_of(chosen).parent == settings.STATE_ROOT
    monkeypatch.setattr(settings.os, "geteuid", lambda: 1000)
    assert settings.home_of(chosen) == closed / "var"


def test_variables_of_the_tests_are_no_settings(tmp_path):
    assert load({thorough.VARIABLE: "1", "CHERENKOV_VO_TEST_INSTANCE": "x"}, tmp_path) == Settings()


@pytest.mark.parametrize("text", ["http://a.example", "a.example/x", "*", "a.example:http", "a b c@d"])
def test_hosts_of_uploads_are_names(text, tmp_path):
    with pytest.raises(ConfigError, match="upload_hosts"):
        load({"CHERENKOV_VO_UPLOAD_HOSTS": text}, tmp_path)
