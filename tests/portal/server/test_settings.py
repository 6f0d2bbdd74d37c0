"""Settings, and those with which the server must not start."""

import json
import os

import pytest

from portal.server.__main__ import main
from portal.server.settings import PREFIX, ServiceSettings, Settings, SettingsError, read_settings

GOOD = {
    "PUBLIC_URL": "https://archive.example/explorer/",
    "DATABASE_URL": "postgresql+asyncpg:///explorer",
    "REDIS_URL": "redis://localhost/1",
    "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
    "SERVICES": json.dumps(
        [{"key": "own", "label": "Own", "url": "https://archive.example/tap/", "is_own": True}]
    ),
}


@pytest.fixture
def environment(monkeypatch):
    """Set the environment's settings: all good ones, with changes; None leaves one out."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)

    def make(**more):
        for name, value in (GOOD | more).items():
            if value is not None:
                monkeypatch.setenv(PREFIX + name, value)

    return make


def test_settings_are_read_from_the_environment(environment):
    environment(GROUP_RIGHTS='{"members": ["ctao"]}', NODE="/usr/bin/node", PORT="9000")
    settings = read_settings()
    assert settings.root_path == "/explorer" and settings.origin == "https://archive.example"
    assert settings.is_secure and settings.port == 9000 and settings.default_service == "own"
    assert settings.service("own").url == "https://archive.example/tap" and settings.service("x") is None
    assert settings.group_rights == {"members": ["ctao"]}
    assert "0123456789abc" not in repr(settings)


def test_secrets_are_read_from_files(environment, tmp_path):
    (tmp_path / "cherenkov_explorer_secret_key").write_text("abcdefghijklmnopqrstuvwxyz0123456789\n")
    (tmp_path / "cherenkov_explorer_service_accounts").write_text('{"ctao": "anna:word"}')
    environment(SECRET_KEY=None, SECRETS=str(tmp_path))
    settings = read_settings()
    assert settings.secret_key.get_secret_value() == "abcdefghijklmnopqrstuvwxyz0123456789"
    assert settings.service_accounts["ctao"].get_secret_value() == "anna:word"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("SECRET_KEY", None, "secret_key has to be set"),
        ("DATABASE_URL", None, "database_url has to be set"),
        ("REDIS_URL", None, "redis_url has to be set"),
        ("PUBLIC_URL", None, "public_url has to be set"),
        ("SECRET_KEY", "changeme", "secret_key has to have"),
        ("SECRET_KEY", "a" * 64, "secret_key has to have"),
        ("PUBLIC_URL", "http://archive.example/explorer", "public_url has to be https"),
        ("PUBLIC_URL", "ftp://archive.example", "PUBLIC_URL"),
        ("DATABASE_URL", "sqlite:///x", "postgresql+asyncpg"),
        ("OIDC_ISSUER", "https://login.example", "oidc_client_id"),
        ("SERVICES", "[]", "SERVICES"),
        ("SERVICES", None, "SERVICES"),
        ("SERVICES", "{", "cannot be read"),
        ("SERVICES", '[{"key": "Own!", "label": "x", "url": "http://x/tap"}]', "SERVICES.0.KEY"),
        ("SERVICES", '[{"key": "own", "label": "x", "url": "http://u:p@x/tap"}]', "SERVICES.0.URL"),
        ("SERVICES", '[{"key": "own", "label": "x", "url": "http://x/tap", "user": 1}]', "SERVICES.0.USER"),
        ("DEFAULT_SERVICE", "other", "default_service 'other'"),
        ("SERVICE_ACCOUNTS", '{"ctao": "anna"}', "SERVICE_ACCOUNTS"),
        ("LIMITS", '{"everything": 1}', "unknown kinds: everything"),
        ("PAGE_ROWS", "many", "PAGE_ROWS"),
        ("TRUSTED_PROXIES", "everybody", "TRUSTED_PROXIES"),
        ("SECRET_KEYS", "x", "Unknown settings: CHERENKOV_EXPLORER_SECRET_KEYS"),
        ("SECRETS", "/nowhere", "no directory"),
    ],
)
def test_settings_that_are_not_safe_are_refused(environment, capsys, name, value, words):
    environment(**{name: value})
    with pytest.raises(SettingsError, match=words.replace("+", r"\+")) as caught:
        read_settings()
    if value and name.startswith("SECRET_KEY"):
        assert value not in str(caught.value)
    assert main(["serve"]) == 2 and words in capsys.readouterr().err


def test_a_login_needs_https_and_a_secret(environment):
    environment(OIDC_ISSUER="http://login.example", OIDC_CLIENT_ID="explorer", OIDC_CLIENT_SECRET="s")
    with pytest.raises(SettingsError, match="oidc_issuer has to be https"):
        read_settings()
    environment(OIDC_ISSUER="https://login.example/", OIDC_CLIENT_ID="explorer")
    # A slash at the end is part of an issuer's name.
    assert read_settings().oidc_issuer == "https://login.example/"


def test_a_login_without_secret_is_refused(environment):
    environment(OIDC_ISSUER="https://login.example", OIDC_CLIENT_ID="explorer")
    with pytest.raises(SettingsError, match="oidc_client_secret"):
        read_settings()


def test_keys_are_there_once():
    one = ServiceSettings(key="own", label="x", url="http://x/tap")
    with pytest.raises(ValueError, match="keys of their own"):
        Settings(development=True, services=[one, one])


def test_this_machine_itself_needs_no_https(environment):
    environment(PUBLIC_URL="http://localhost:8095/explorer")
    assert not read_settings().is_secure


def test_developers_need_little():
    one = ServiceSettings(key="own", label="x", url="http://x/tap")
    settings = Settings(development=True, services=[one])
    assert settings.secret_key.get_secret_value() == "" and settings.default_service == "own"
