"""All faults that are looked for, and what to do about each; docs/operations.md has the same table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes
    ----------
    what
        What that was.
    finding
        What was found.
    remedy
        What to do about it; empty if it is well.
    fault
        Key of `FAULTS`; empty if it is well.
    """

    what: str
    finding: str
    remedy: str = ""
    fault: str = ""


_FAULTS: tuple[tuple[str, str, str], ...] = (
    # key, what is wrong, what to do about it
    (
        "settings-unusable",
        "a setting makes no sense, or is unknown",
        "Correct the variable or the file.",
    ),
    (
        "package-missing",
        "a Debian package is missing",
        "'make serve' installs it, with root or sudo.",
    ),
    (
        "dachs-too-old",
        "DaCHS is too old",
        "'make serve' installs a newer one, with root or sudo.",
    ),
    (
        "venv-missing",
        "there is no virtual environment",
        "'make serve' makes it.",
    ),
    (
        "venv-incomplete",
        "the virtual environment is half made",
        "'make serve' makes it anew.",
    ),
    (
        "disk-low",
        "the disk is nearly full",
        "Make room, or choose another place with CHERENKOV_VO_INSTANCE.",
    ),
    (
        "memory-low",
        "there is little memory for the workers",
        "End other programs, or run fewer workers: CHERENKOV_VO_WORKERS=1.",
    ),
    (
        "descriptors-low",
        "a process may open few files",
        "Raise the limit: 'ulimit -n 4096', or LimitNOFILE of the service.",
    ),
    (
        "clock-off",
        "the machine's clock is behind what was written already",
        "Set the clock (timedatectl); if it is right, 'make ingest' and 'make publish' write new times.",
    ),
    (
        "instance-missing",
        "the instance is not made, or half made",
        "'make serve' makes or repairs it.",
    ),
    (
        "unfinished",
        "a step of bringing up did not get to its end",
        "'make serve' finishes it.",
    ),
    (
        "state-damaged",
        "state.json cannot be read",
        "Remove it; 'make serve' finds out what is there.",
    ),
    (
        "newer-version",
        "a newer version has worked on the instance",
        "Use that version, or restore a backup that this one made.",
    ),
    (
        "home-closed",
        "the services' account cannot enter the instance's directory",
        "chmod a+x the directory.",
    ),
    (
        "database-open",
        "others can read the database's directory, and PostgreSQL refuses that",
        "chmod 700 it.",
    ),
    (
        "secret-open",
        "others can read a file with a password",
        "chmod 600 the file.",
    ),
    (
        "configuration-changed",
        "DaCHS's configuration was changed by hand",
        "'make serve' writes it anew; put what you want into the settings (cherenkov-vo.toml).",
    ),
    (
        "vocabulary-missing",
        "a vocabulary is not in DaCHS's cache",
        "'make publish' puts the stand-ins back.",
    ),
    (
        "leftovers",
        "an interrupted run left partial files",
        "Remove the named files; nothing uses them.",
    ),
    (
        "restore-interrupted",
        "'make restore' was interrupted",
        "'make serve' ends it, or run it again.",
    ),
    (
        "spool-closed",
        "the directory for jobs and uploads is missing or closed to the services",
        "'make down', then 'make serve': it makes the directory and gives it to the services.",
    ),
    (
        "backup-old",
        "the last backup is old or gone",
        "'make backup'.",
    ),
    (
        "database-down",
        "PostgreSQL does not run although the instance is served",
        "It is started within seconds; else 'make down', then 'make serve'; the story is in "
        "log/postgresql.log.",
    ),
    (
        "extension-missing",
        "an extension is not in the database",
        "Remove the key 'database' from state.json: 'make serve' makes the tables anew, and keeps "
        "users and jobs.",
    ),
    (
        "functions-missing",
        "functions of the database are missing",
        "Remove the key 'database' from state.json: 'make serve' makes the tables anew, and keeps "
        "users and jobs.",
    ),
    (
        "view-stale",
        "a table of the whole site does not hold a collection",
        "'make ingest FORCE=yes'; if that does not help, remove the key 'imported' from state.json, "
        "then 'make ingest'.",
    ),
    (
        "columns-differ",
        "a table has other columns than TAP_SCHEMA says",
        "Remove the key 'database' from state.json: 'make serve' makes the tables anew, and keeps "
        "users and jobs.",
    ),
    (
        "rights-excessive",
        "strangers' queries may do what they should not",
        "REVOKE the right in the database, or remove the key 'database' from state.json and 'make serve'.",
    ),
    (
        "rows-orphaned",
        "rows belong to no observation",
        "Remove the key 'imported' from state.json, then 'make ingest': the tables are made anew.",
    ),
    (
        "jobs-dead",
        "jobs are said to run, but have no process",
        "Ask for the job's phase once, or 'make down' and 'make serve': DaCHS notes that they ended; "
        "users start them again.",
    ),
    (
        "record-orphaned",
        "a registry record has no resource any more",
        "'dachs pub' of it cannot work: mark it as deleted (UPDATE dc.resources SET deleted = TRUE, "
        "rectimestamp = now() WHERE sourcerd = ...).",
    ),
    (
        "unpublished",
        "a collection is served, but not in the registry",
        "'make publish'.",
    ),
    (
        "release-missing",
        "the directory of a release is gone",
        "Bring it back (mount it), or name its new place; 'make ingest WITHDRAW=yes' takes its "
        "observations out.",
    ),
    (
        "release-closed",
        "the services cannot read a file of a release",
        "chmod a+rX it, all the way down.",
    ),
    (
        "release-broken",
        "a release's configuration cannot be read",
        "Correct inputs/<collection>/<name>.toml; 'make check' tells what is wrong.",
    ),
    (
        "files-changed",
        "files are newer than the last import",
        "'make ingest'.",
    ),
    (
        "files-failed",
        "files could not be published",
        "'make check' says why; correct them, then 'make ingest'.",
    ),
    (
        "port-taken",
        "another program has the port",
        "End the program that has it, or set CHERENKOV_VO_PORT.",
    ),
    (
        "worker-silent",
        "a worker does not answer",
        "It is replaced within a minute; else 'make down', then 'make serve'.",
    ),
    (
        "proxy-dead",
        "nginx does not run",
        "It is started within seconds; else 'make down', then 'make serve'.",
    ),
    (
        "server-silent",
        "the server does not answer as it should",
        "'make down', then 'make serve'.",
    ),
    (
        "older-version",
        "an older version serves the instance",
        "'make up' takes over from it.",
    ),
    (
        "public-url-wrong",
        "the public URL does not lead here",
        "Correct CHERENKOV_VO_PUBLIC_URL, or the proxy that answers there.",
    ),
    (
        "explorer-package-missing",
        "the explorer lacks a Debian package",
        "'make serve' installs it, with root or sudo; then 'make down' and 'make up'.",
    ),
    (
        "explorer-unbuilt",
        "the explorer's pages are not built, or of another version",
        "'make serve' builds them if npm's registry can be reached; log/explorer-build.log tells more.",
    ),
    (
        "explorer-database-missing",
        "the explorer has no database",
        "'make serve' makes it; 'make restore' brings back what was in it.",
    ),
    (
        "explorer-store-dead",
        "the explorer's Redis does not answer",
        "It is started within seconds; else 'make down', then 'make serve'; the story is in "
        "log/explorer-redis.log.",
    ),
    (
        "explorer-dead",
        "the explorer does not answer",
        "It is started within seconds; else 'make down', then 'make serve'; the story is in "
        "log/explorer.log.",
    ),
)

FAULTS = {key: (what, remedy) for key, what, remedy in _FAULTS}
"""Key to what is wrong and what to do about it."""


def well(what: str, finding: str) -> Diagnosis:
    """Say that something is well."""
    return Diagnosis(what, finding)


def fault(key: str, what: str, finding: str) -> Diagnosis:
    """Say that something is wrong."""
    return Diagnosis(what, finding, FAULTS[key][1], key)
