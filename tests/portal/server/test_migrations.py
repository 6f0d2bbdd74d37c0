"""Migrations make the tables that the models describe."""

import asyncio

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from portal.server import __main__, migrations
from portal.server.tables import Base


def differences(url):
    async def ask():
        engine = create_async_engine(url)
        async with engine.connect() as connection:
            found = await connection.run_sync(
                lambda plain: compare_metadata(
                    MigrationContext.configure(
                        plain, opts={"compare_type": True, "compare_server_default": True}
                    ),
                    Base.metadata,
                )
            )
        await engine.dispose()
        return found

    return asyncio.run(ask())


def test_models_and_migrations_agree(database_url):
    assert differences(database_url) == []


def test_migrations_go_back_and_may_be_run_again(postgres):
    url = postgres.url(postgres.make())
    assert len(differences(url)) >= 4
    migrations.upgrade(url)
    migrations.upgrade(url)
    config = Config()
    config.set_main_option("script_location", str(migrations.__path__[0]))
    config.attributes["database_url"] = url
    command.downgrade(config, "base")
    assert len(differences(url)) >= 4
    migrations.upgrade(url)
    assert differences(url) == []


def test_the_command_migrates(postgres, monkeypatch):
    url = postgres.url(postgres.make())
    values = {
        "PUBLIC_URL": "http://localhost/explorer",
        "DATABASE_URL": url,
        "REDIS_URL": "redis://localhost",
        "SECRET_KEY": "0123456789abcdefghijklmnopqrstuvwxyz",
        "SERVICES": '[{"key": "own", "label": "Own", "url": "http://localhost/tap"}]',
    }
    for name, value in values.items():
        monkeypatch.setenv(f"CHERENKOV_EXPLORER_{name}", value)
    assert __main__.main(["migrate"]) == 0
    assert differences(url) == []
