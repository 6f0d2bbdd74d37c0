"""A unit for systemd, for those who have it: the supervision of an instance needs none."""

from __future__ import annotations

import os
import pwd

from instance.exits import EXIT_ENVIRONMENT, USAGE
from instance.settings import CHECKOUT, Settings, fields_of, variable_of

SECONDS_TO_STOP = 90
"""More than an instance takes to end at most: its processes, PostgreSQL."""

SECONDS_TO_RESTART = 2


def unit(settings: Settings) -> str:
    """Write a unit that serves an instance from the start of the machine on.

    It is told all settings that are not the defaults, as they are now; cherenkov-vo.toml counts, too.

    Parameters
    ----------
    settings
        The operator's choices.
    """
    defaults = fields_of(Settings())
    chosen = {name: value for name, value in fields_of(settings).items() if value != defaults[name]}
    chosen[variable_of("instance")] = str(settings.instance)
    environment = "".join(
        f"Environment={_quoted(f'{name}={value}')}\n" for name, value in sorted(chosen.items())
    )
    # As root, the services run under an account of their own all the same.
    user = "" if os.geteuid() == 0 else f"User={pwd.getpwuid(os.geteuid()).pw_name}\n"
    return f"""\
# Written by "bin/cherenkov-vo unit"; write it anew when settings change.
[Unit]
Description={_escaped(settings.site_name)} (cherenkov-vo)
After=network.target local-fs.target
StartLimitIntervalSec=0

[Service]
Type=exec
{user}{environment}WorkingDirectory={_escaped(str(CHECKOUT))}
ExecStart={_quoted(str(CHECKOUT / "bin" / "cherenkov-vo"), command=True)} serve
# Not after 'make down'.
Restart=on-failure
RestartSec={SECONDS_TO_RESTART}
# What only the operator can change.
RestartPreventExitStatus={USAGE} {EXIT_ENVIRONMENT}
# It ends its own processes, PostgreSQL last; what is left after that is killed.
KillMode=mixed
TimeoutStopSec={SECONDS_TO_STOP}

[Install]
WantedBy=multi-user.target
"""


def _escaped(text: str) -> str:
    """Write a text for systemd, for which a percent sign begins something; systemd.unit(5)."""
    return " ".join(text.replace("%", "%%").replace("\\", "\\\\").splitlines())


def _quoted(text: str, *, command: bool = False) -> str:
    escaped = _escaped(text).replace('"', '\\"')
    return '"' + (escaped.replace("$", "$$") if command else escaped) + '"'
