"""The private DaCHS root: its configuration, its database, and running DaCHS's commands."""

from __future__ import annotations

import datetime
import os
import re
import shutil
import subprocess
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ingest.errors import InstanceError
from ingest.feed import REPORT_VARIABLE
from instance import kept, vocabularies
from instance.account import Account
from instance.cluster import DATABASE, HOST, Cluster
from instance.deploy import Deployment
from instance.exits import EXIT_DISK, FAILURE, MAKE_ROOM, out_of_space
from instance.explorer_settings import JOB_BOUNDS
from instance.packages import venv_python
from instance.settings import Settings, variable_of
from serving import logs

DACHS_PROGRAM = Path("/usr/bin/dachs")
COMMAND_NAMES = ("dachs", "gavo")
"""Names under which DaCHS starts itself for asynchronous jobs."""

JOB_NICENESS = 5

VANITY_NAMES = "rd/access/cutout/dlasync datalinkuws\n"
"""Path, and short path. DaCHS's SODA jobs say that their results lie below the latter, which stands for a
service of its own that refuses them."""

PROFILES = ("dsn", "feed", "trustedquery", "untrustedquery")
"""Files with DaCHS's database accounts; 'dachs init' makes accounts and files together."""

STORE_VARIABLES = ("AWS_", "FSSPEC_")
"""What the names of environment variables begin with that tell how object stores are reached."""

SYSTEM_RESOURCES = ("//tap", "//services", "//obscore", "//products")
SHARED_RESOURCES = ("rd/functions", "rd/unions", "rd/hea", "rd/links", "rd/responses")

MOST_OF_MESSAGE = 600
"""Characters of an error message of DaCHS that are shown."""


POLYGON_CAST = "CREATE CAST (public.spoly AS bytea) WITHOUT FUNCTION"
"""Lets big results have polygons as pgSphere stores them, instead of as text; it takes a superuser."""


TABLES_SEEN = ("obscore", "companions")
"""Tables of a collection that clients can query: those of ``rd/tables.rd`` with ``adql``."""


class Dachs:
    """DaCHS as one instance runs it.

    Parameters
    ----------
    settings
        The operator's choices.
    home
        The instance's directory.
    account
        Who runs it.
    cluster
        Its database server.
    """

    def __init__(self, settings: Settings, home: Path, account: Account, cluster: Cluster) -> None:
        self.settings, self.home, self.account, self.cluster = settings, home, account, cluster
        self.root = home / "dachs"
        self.rc = home / "gavo.rc"
        self.programs = home / "bin"
        self.reports = home / "reports"
        self.log = home / "log" / "dachs.log"
        self.deployment = Deployment(home)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of all DaCHS processes; nothing of the system's DaCHS is looked at."""
        keep = {key: os.environ[key] for key in ("TERM", "COLUMNS", "LINES", "TZ") if key in os.environ}
        keep |= {key: value for key, value in os.environ.items() if key.startswith(STORE_VARIABLES)}
        return keep | {
            "PATH": f"{self.programs}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.root),
            "LC_ALL": "C.UTF-8",
            "GAVOSETTINGS": str(self.rc),
            "GAVOCUSTOM": "/dev/null",
            "PYTHONPATH": str(self.deployment.app),
            "PGPASSFILE": str(self.cluster.password_file),
            REPORT_VARIABLE: str(self.reports),
            **{
                variable_of(name): getattr(self.settings, name)
                for name in ("vocabulary", "access_url", "obscore_access_url", "upload_hosts")
            },
            **{
                variable_of(name): str(getattr(self.settings, name))
                for name in ("tap_async_longest", "tap_jobs", "tap_job_days", *JOB_BOUNDS)
            },
            variable_of("explorer_jobs_python"): self._jobs_python(),
            # No client has a part in what commands do.
            **(logs.variable(self.log.parent, "dachs", queries=True) if self.settings.fast_paths else {}),
            variable_of("guards"): "yes" if self.settings.guards else "no",
            variable_of("fast_paths"): "yes" if self.settings.fast_paths else "no",
        }

    def ensure_job_table(self) -> None:
        """Make DaCHS's table for the jobs of services such as ``rd/preview``, if there is none yet."""
        if self.cluster.sql("SELECT to_regclass('uws.userjobs')") == [""]:
            self.cluster.let_administrate()  # older versions restored databases without
            self.run("imp", "//uws", "enable_useruws")

    def _jobs_python(self) -> str:
        """Give the Python of analysis jobs; an empty text if there are none."""
        wanted = self.settings.explorer and self.settings.explorer_jobs
        return str(venv_python(self.home / "jobs")) if wanted else ""

    def command(self, *arguments: str) -> list[str]:
        """Give the command line of a DaCHS command."""
        return self.account.command([self.programs / "dachs", *arguments])

    def run(self, *arguments: str, show: bool = False, variables: Mapping[str, str] | None = None) -> str:
        """Run a DaCHS command and give what it printed.

        Parameters
        ----------
        *arguments
            Its arguments.
        show
            Let standard error through to the user, for progress.
        variables
            Further environment variables.

        Raises
        ------
        InstanceError
            It failed; the message is DaCHS's.
        """
        with self.log.open("a", encoding="utf-8") as log:
            log.write(f"\n$ dachs {' '.join(arguments)}\n")
            log.flush()
            done = subprocess.run(
                # Of DaCHS's own notices only errors are for the user.
                self.command(*(("--ui", "null") if show else ()), *arguments),
                env=self.environment | dict(variables or {}),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=None if show else subprocess.STDOUT,
                text=True,
                check=False,
            )
            log.write(done.stdout)
        if done.returncode:
            story = f"The whole story is in {self.log}."
            full = out_of_space(done.stdout)
            raise InstanceError(
                f"'dachs {' '.join(arguments)}' failed: {_error_of(done.stdout)}",
                f"{MAKE_ROOM} {story}" if full else story,
                exit_code=EXIT_DISK if full else FAILURE,
            )
        return done.stdout

    def configure(self) -> None:
        """Write everything that DaCHS reads at its start."""
        below = (self.root / name for name in ("etc", "cache", "tmp", "logs", "state"))
        for path in (self.root, *below, self.reports, self.log.parent):
            self.account.make_directory(path)
        _write(self.rc, self._gavo_rc())
        _write(self.root / "etc" / "defaultmeta.txt", self._default_meta())
        _write(self.root / "etc" / "vanitynames.txt", VANITY_NAMES)
        shutil.copyfile(self.deployment.app / "rd" / "userconfig.rd", self.root / "etc" / "userconfig.rd")
        self.programs.mkdir(exist_ok=True)
        for name in COMMAND_NAMES:
            program = self.programs / name
            # The second name is that of asynchronous jobs only: they stand behind what somebody waits for.
            nice = f"nice -n {JOB_NICENESS} " if name == COMMAND_NAMES[1] else ""
            _write(program, f'#!/bin/sh\nexec {nice}"{venv_python(self.home)}" {DACHS_PROGRAM} "$@"\n')
            program.chmod(0o755)
        vocabularies.seed(self.deployment.app / "rd" / "vocabularies.toml", self.root / "cache")
        self.point_to_cluster()
        self.account.own(*(self.root / name for name in ("etc", "cache", "inputs")))

    def point_to_cluster(self) -> None:
        """Tell DaCHS the port of the database; it may change between starts."""
        dsn = self.root / "etc" / "dsn"
        if dsn.exists():
            _write(dsn, f"database = {DATABASE}\nhost = {HOST}\nport = {self.cluster.port}\n")

    def initialised(self) -> bool:
        """Say whether DaCHS still knows how to reach its database."""
        return all((self.root / "etc" / name).exists() for name in PROFILES)

    def initialise(self) -> None:
        """Make the database and DaCHS's own tables, from nothing, but with what cannot be made again."""
        saved = self.home / "kept.json"
        kept.save(self.cluster, saved)
        self.cluster.recreate_database()
        for name in PROFILES:
            (self.root / "etc" / name).unlink(missing_ok=True)
        self.run("init", "-d", self.cluster.dsn)
        self.cluster.sql(POLYGON_CAST)
        for path in (self.root / "etc").glob("*query"):
            path.chmod(0o600)
        (self.root / "etc" / "feed").chmod(0o600)
        self.ensure_job_table()
        kept.restore(self.cluster, saved)
        for resource in ("//obscore", *SHARED_RESOURCES):
            self.run("imp", resource)

    def bring_back(self, collection: str) -> None:
        """Put a collection back into the site's tables after an import that failed.

        Its own tables are as before then, but it was taken out of the tables that it feeds, and that
        was committed (see ``rd/unions.py``).

        Raises
        ------
        InstanceError
            That fails, too.
        """
        self.run("imp", "-m", f"{collection}/q")
        self.run("imp", "rd/unions", "recover")

    def publish(self, collections: Iterable[str]) -> list[str]:
        """Put all resources into the registry, with their coverage.

        Returns
        -------
        list of str
            What DaCHS left out, and why: it ends as if all were well then.
        """
        resources = [f"{collection}/q" for collection in collections]
        # DaCHS waits for a second per table whose columns it looks at, so that is only what clients see.
        self.run("limits", "--tables-only", *resources, "//obscore")
        seen = [f"{resource}#{table}" for resource in resources for table in TABLES_SEEN]
        self.run("limits", *seen, "//obscore#ObsCore")
        # The shared resources cover what the collections cover, so their turn is after these.
        said = self.run("pub", *resources, *SYSTEM_RESOURCES, "rd/hea", "rd/links", "rd/responses")
        return re.findall(r"Aborting publication of .*(?:\n \* .*)*", said)

    def server(self) -> list[str]:
        """Give the command line of the web server in the foreground."""
        return self.command("serve", "start", "-f")

    @property
    def python(self) -> Path:
        """The interpreter that DaCHS runs in."""
        return venv_python(self.home)

    def _gavo_rc(self) -> str:
        settings = self.settings
        items: dict[str, dict[str, Any]] = {
            "general": {
                "rootDir": self.root,
                "group": self.account.group,
                "gavoGroup": self.account.group,
                "maintainerAddress": "",
            },
            # DataLink documents end after this many links, too.
            "db": {"profilePath": self.root / "etc", "defaultLimit": 10_000},
            "web": {
                "serverPort": settings.port,
                "serverURL": settings.url,
                "alternateHostnames": "localhost, 127.0.0.1",
                "bindAddress": settings.bind,
                "user": self.account.name,
                "sitename": settings.site_name,
                "preloadPublishedRDs": "True",
            },
            "ivoa": {
                "authority": settings.authority,
                "VOSITableDetail": "max",
                "materialiseObscore": settings.materialise_obscore,
            },
            "async": {
                "defaultExecTimeSync": settings.tap_sync_seconds,
                "defaultExecTime": settings.tap_async_seconds,
                "maxTAPRunning": settings.tap_async_running,
            },
        }
        return "".join(
            f"[{section}]\n" + "".join(f"{key}: {value}\n" for key, value in values.items()) + "\n"
            for section, values in items.items()
        )

    def _default_meta(self) -> str:
        settings = self.settings
        created = self.created()
        return textwrap.dedent(
            f"""\
            publisher: {settings.site_name}
            contact.name: {settings.site_name} operators
            contact.address: not given
            contact.email: {settings.contact}
            creator.name: {settings.site_name}
            _noresultwarning: No data set matches your query.
            authority.creationDate: {created}
            authority.title: {settings.site_name} Authority
            authority.shortName: {settings.short_name}
            authority.description: The naming authority of {settings.site_name}, \
            which publishes data of Cherenkov telescopes.
            authority.referenceURL: {settings.url}/
            organization.title: {settings.site_name}
            organization.description: Publishes data of Cherenkov telescopes.
            organization.referenceURL: {settings.url}/
            site.description: {settings.site_name} publishes event lists and instrument responses \
            of Cherenkov gamma-ray telescopes in the Virtual Observatory.
            """
        )

    def created(self) -> str:
        """Give the date when this instance was made; registry records carry it."""
        mark = self.cluster.ready_mark
        moment = datetime.datetime.fromtimestamp(mark.stat().st_mtime, datetime.UTC)
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _write(path: Path, text: str) -> None:
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _error_of(output: str) -> str:
    """Find DaCHS's error message in what it printed; it spreads over the last lines.

    Where it quotes a whole row, what is wrong stands at its end.
    """
    lines = output.splitlines()
    starts = [number for number, line in enumerate(lines) if line.startswith("***")]
    chosen = lines[starts[-1] :] if starts else lines[-3:]
    text = " ".join(line.strip() for line in chosen if line.strip())
    if len(text) > MOST_OF_MESSAGE:
        text = f"{text[: MOST_OF_MESSAGE // 4]} ... {text[-MOST_OF_MESSAGE * 3 // 4 :]}"
    return text or "see its message above"
