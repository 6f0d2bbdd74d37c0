"""``python -m portal.server [serve | migrate | openapi]``."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from pydantic import SecretStr

from portal.server.app import create_app
from portal.server.migrations import upgrade
from portal.server.settings import ServiceSettings, Settings, SettingsError, read_settings

OPENAPI = Path(__file__).parent / "openapi.json"
# Streams that are under way when the server ends have this long.
GRACE_SECONDS = 20


def describe() -> dict[str, Any]:
    """Describe the API, as every explorer has it.

    Returns
    -------
    dict[str, Any]
        OpenAPI.
    """
    service = ServiceSettings(key="any", label="Any", url="http://localhost/tap")
    # No part of the description depends on these; nothing is connected.
    settings = Settings(
        development=True,
        public_url="http://localhost/explorer",
        services=[service],
        secret_key=SecretStr("unused"),
        runners=[],
    )
    app = create_app(settings)
    return app.openapi()


def serve(settings: Settings) -> None:
    """Serve until a signal ends it.

    Parameters
    ----------
    settings
        All settings.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)
    uvicorn.run(
        create_app(settings),
        host=settings.bind,
        port=settings.port,
        uds=str(settings.socket) if settings.socket else None,
        access_log=False,
        log_config=None,
        server_header=False,
        # Where requests come from is told by paths.client_of.
        proxy_headers=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says.

    Parameters
    ----------
    arguments
        The words after the program's name; None for those of this process.

    Returns
    -------
    int
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="portal.server", description="The data explorer's server.")
    parser.add_argument(
        "command",
        nargs="?",
        default="serve",
        choices=["serve", "migrate", "openapi"],
        help="serve (default); migrate: bring the database to the newest form; "
        "openapi: write the description of the API anew",
    )
    command = parser.parse_args(arguments).command
    if command == "openapi":
        OPENAPI.write_text(json.dumps(describe(), indent=1, sort_keys=True))
        return 0
    try:
        settings = read_settings()
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    if command == "migrate":
        upgrade(settings.database_url.get_secret_value())
    else:
        serve(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
