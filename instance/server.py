"""The process that serves, seen from others: whether it runs, what it says, its beginning and its end."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
import urllib.request
from typing import Any

from ingest.errors import InstanceError
from instance import explorer_parts, priorities, version
from instance.bringup import Instance
from instance.cluster import port_is_free
from instance.console import say
from instance.exits import EXIT_BUSY, EXIT_PORT
from instance.monitor import port_of
from instance.processes import READY_PATH, pulse, run_directory, sockets
from instance.settings import CHECKOUT
from instance.state import holder

STOP_PATIENCE = 40.0
CHANGED = signal.SIGUSR1
"""Tells the process that serves an instance that an import or a publication changed something."""

# Proxies are for the world outside; the machine's own server is asked directly.
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def answers(instance: Instance, timeout: float = 5.0) -> bool:
    """Say whether the server answers and says that it is available."""
    try:
        with _direct.open(instance.settings.local_url + READY_PATH, timeout=timeout) as reply:
            return b"true" in reply.read()
    except (OSError, http.client.HTTPException, ValueError):
        return False


def running(instance: Instance) -> int | None:
    """Give the process id of the process that serves this instance, or None."""
    return holder(instance.serve_lock)


def served_version(instance: Instance) -> str:
    """Give the version of the program that serves this instance."""
    return str(instance.state.get("serving") or version.UNNAMED)


def require_same_version(instance: Instance) -> None:
    """Make sure that the process that serves this instance is of this version.

    Raises
    ------
    InstanceError
        It is of another one.
    """
    version.refuse_downgrade(instance.state)
    if served_version(instance) != version.VERSION:
        raise InstanceError(
            f"Process {running(instance)}, of version {served_version(instance)}, serves this instance;"
            f" this is version {version.VERSION}.",
            "'make down' stops it; 'make up' takes over from it.",
            exit_code=EXIT_BUSY,
        )


def take_over(instance: Instance) -> None:
    """Stop the process that serves this instance if it is of an older version.

    Raises
    ------
    InstanceError
        A newer version has worked on the instance, or the process does not end.
    """
    version.refuse_downgrade(instance.state)
    if running(instance) is not None and served_version(instance) != version.VERSION:
        say(f"Version {served_version(instance)} serves this instance; {version.VERSION} takes over ...")
        down(instance)


def processes(instance: Instance) -> dict[str, str]:
    """Say what each process for requests is doing; nothing without a proxy or when nothing is served."""
    if running(instance) is None:
        return {}
    found = {}
    for socket in sockets(run_directory(instance.home)):
        said = pulse(socket)
        if said is None:
            found[socket.stem] = "does not answer"
        elif said:
            found[socket.stem] = f"answers; {said['running']} queries run, {said['waiting']} wait"
        else:
            found[socket.stem] = "answers"
    return found


def explorer(instance: Instance) -> dict[str, Any]:
    """Say what the explorer is doing.

    Returns
    -------
    dict
        ``doing`` is a sentence for people, ``answers`` whether it is served, and ``metrics_port`` the port of
        its metrics, if it has any.
    """
    settings, places = instance.settings, explorer_parts.Places(instance.home)
    found: dict[str, Any] = {"doing": "switched off", "answers": False, "metrics_port": None}
    if not (settings.explorer and settings.fast_paths):
        return found
    facts = explorer_parts.Facts.read(places.run) if running(instance) is not None else None
    if facts is None:
        return found | {"doing": "does not run"}
    if facts.phase != "started":
        return found | {
            "doing": "is being prepared" if facts.phase == "preparing" else f"NOT served: {facts.reason}"
        }
    well = explorer_parts.answers(places)
    doing = f"answers at {settings.url}{explorer_parts.PATH}/" if well else "does not answer"
    if well and not explorer_parts.readiness(places):
        doing += ", but misses something: see 'make doctor'"
    picture = explorer_parts.Picture.read(places.run)
    return found | {
        "doing": doing,
        "answers": well,
        "metrics_port": facts.metrics_port,
        "picture": picture.doing if picture is not None else "none",
    }


def metrics_port(instance: Instance) -> int | None:
    """Give the port of the metrics; None if there are none, or nothing is served."""
    settings = instance.settings
    served = settings.fast_paths and settings.metrics and running(instance) is not None
    return port_of(run_directory(instance.home)) if served else None


def require_port(instance: Instance) -> None:
    """Make sure that the web server can have its port.

    Raises
    ------
    InstanceError
        Another program has it.
    """
    settings = instance.settings
    if not port_is_free(settings.port, settings.bind or "0.0.0.0"):  # noqa: S104 - asked for by the operator
        raise InstanceError(
            f"Port {settings.port} is taken by another program.",
            "End that, or choose another port with CHERENKOV_VO_PORT.",
            exit_code=EXIT_PORT,
        )


def welcome(instance: Instance) -> str:
    """Give the text with the URLs to open."""
    settings = instance.settings
    url = settings.url
    failures, served = instance.failures(), instance.served()
    lines = ["", f"{settings.site_name} is up.", *data_lines(instance)]
    lines += [
        f"  in a browser     {url}/",
        f"  TAP              {url}/tap",
        f"  registry (OAI)   {url}/oai.xml?verb=Identify",
    ]
    if settings.explorer and settings.fast_paths:
        lines.append(f"  explorer         {url}{explorer_parts.PATH}/ (see 'make status')")
    for name in served:
        lines += [
            f"  {name}",
            f"    cone search    {url}/{name}/q/cone/scs.xml?",
            f"    search form    {url}/{name}/q/cone/form",
            f"    DataLink       {url}/{name}/q/dl/dlmeta?ID=<obs_id>",
        ]
    if failures:
        lines.append(f"  {failures} observations could not be published; 'make check' says why")
    return "\n".join([*lines, ""])


def data_lines(instance: Instance) -> list[str]:
    """Say for people where the data of each collection come from."""
    data = instance.state.get("data")
    known = data if isinstance(data, dict) else {}
    return [f"  data of {name}: {why}" for name in instance.served() for why in known.get(name, ())]


def up(instance: Instance) -> None:
    """Serve detached from the terminal; returns when the server answers.

    Raises
    ------
    InstanceError
        It does not come up; the message is the detached process's last one.
    """
    instance.make_home()
    if running(instance) is None:
        require_port(instance)
    log = instance.home / "log" / "serve.log"
    log.parent.mkdir(exist_ok=True)
    log.write_bytes(b"")
    with log.open("ab") as output:  # it may be put aside
        child = subprocess.Popen(
            [sys.executable, "-m", "instance", "serve"],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    position, ready = 0, f"{instance.settings.site_name} is up."
    while child.poll() is None and ready not in log.read_text(encoding="utf-8", errors="replace"):
        position = _pass_on(log, position)
        time.sleep(0.2)
    _pass_on(log, position)
    if child.returncode is not None:
        raise InstanceError(
            "The server did not come up.", f"Its messages are in {log}.", exit_code=child.returncode or 1
        )


def _pass_on(log: Any, position: int) -> int:
    with log.open("rb") as output:
        output.seek(position)
        text = output.read()
    if text.strip():
        say(text.decode(errors="replace").rstrip())
    return position + len(text)


def down(instance: Instance) -> bool:
    """End whatever runs of the instance; says whether anything did.

    Raises
    ------
    InstanceError
        A process does not end.
    """
    pid = running(instance)
    if pid is not None and pid > 0:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_PATIENCE
        while running(instance) is not None:
            if time.monotonic() > deadline:
                raise InstanceError(f"Process {pid} does not end.", f"End it with 'kill -9 {pid}'.")
            time.sleep(0.2)
        while priorities.title(pid) and time.monotonic() < deadline:  # it has let go, but is still there
            time.sleep(0.02)
    left_over = instance.cluster.ready_mark.exists() and instance.cluster.process() is not None
    if left_over:
        instance.cluster.stop()
    return pid is not None or left_over


def reload(instance: Instance) -> None:
    """Make a running server notice that data, records or code changed."""
    pid = running(instance)
    if pid is not None and pid > 0:
        os.kill(pid, CHANGED)
