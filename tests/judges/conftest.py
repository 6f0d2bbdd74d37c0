"""What all judges need: the instance that they judge, and the release read independently."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
import pyvo
import requests
from astropy.utils import data as astropy_data
from astropy.utils import iers
from holdings import DataSet, Holdings, of_index, of_runs
from reading import Run, read_release
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry
from xsd import Validator

# No network beyond the instance: neither Earth orientation tables nor anything else is fetched.
iers.conf.auto_download = False
astropy_data.conf.allow_internet = False

VARIABLE = "CHERENKOV_VO_TEST_INSTANCE"
TIMEOUT = 30.0


@dataclass(frozen=True)
class Instance:
    """The instance under test.

    Parameters
    ----------
    url
        Where it is, without a slash at the end.
    authority
        Its IVOA authority.
    data
        The directory of the release that it publishes.
    simulated
        Whether that release is simulated.
    obs_collection
        Name of the release in ObsCore.
    schemata
        Directory of XML Schemas.
    stilts
        The STILTS command.
    home
        Its directory.
    vocabulary
        Its vocabulary profile, ``talk`` or ``draft``.
    ctao
        The directories of the releases of its second collection: ``simulated`` and ``cta-1dc``, of which
        the latter may be None.
    """

    url: str
    authority: str
    data: Path
    simulated: bool
    obs_collection: str
    schemata: Path
    stilts: Path
    home: Path
    vocabulary: str
    ctao: dict[str, Path | None]

    @property
    def event_list(self) -> str:
        """The type of an event list."""
        return {"talk": "event-list", "draft": "hea-event-list"}[self.vocabulary]

    @property
    def event_bundle(self) -> str:
        """The type of a file with events and responses."""
        return {"talk": "event-bundle", "draft": "hea-event-bundle"}[self.vocabulary]

    def type_of(self, data_set: DataSet) -> str:
        """Give the type of a data set."""
        of_events = {"event-list": self.event_list, "event-bundle": self.event_bundle}
        return of_events.get(data_set.kind, data_set.kind)

    @property
    def tap(self) -> str:
        return f"{self.url}/tap"

    @property
    def cone(self) -> str:
        return f"{self.url}/hess_dr/q/cone/scs.xml?"

    @property
    def datalink(self) -> str:
        return f"{self.url}/hess_dr/q/dl/dlmeta"

    @property
    def oai(self) -> str:
        return f"{self.url}/oai.xml"

    def links_of(self, collection: str) -> str:
        """Give the DataLink service of a collection."""
        return f"{self.url}/{collection}/q/dl/dlmeta"

    def did(self, run: Run) -> str:
        """Give the publisher's identifier of a run's data set."""
        return f"ivo://{self.authority}/~?hess_dr/{run.obs_id}"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/judges/golden anew")


def load_instance() -> Instance:
    """Read the instance file.

    Raises
    ------
    pytest.UsageError
        The variable or the file is missing or useless.
    """
    name = os.environ.get(VARIABLE)
    if not name:
        raise pytest.UsageError(f"{VARIABLE} is not set: it must name the JSON file of a running instance.")
    try:
        content = json.loads(Path(name).read_text(encoding="utf-8"))
        given = {field.name: content[field.name] for field in fields(Instance)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise pytest.UsageError(f"{VARIABLE}={name}: no description of an instance ({error!r}).") from error
    for key in ("data", "schemata", "stilts", "home"):
        given[key] = Path(given[key])
        if not given[key].exists():
            raise pytest.UsageError(f"{VARIABLE}={name}: {key} names {given[key]}, which does not exist.")
    releases = {key: given["ctao"].get(key) for key in ("simulated", "cta-1dc")}
    given["ctao"] = {key: path and Path(path) for key, path in releases.items()}
    for key, path in given["ctao"].items():
        if not (path.is_dir() if path else key == "cta-1dc"):
            raise pytest.UsageError(f"{VARIABLE}={name}: {key} names {path}, expected a directory.")
    return Instance(**given | {"url": given["url"].rstrip("/")})


def pytest_configure(config: pytest.Config) -> None:
    # Before anything else, so that a missing instance is one sentence and not one for each test.
    config.stash[INSTANCE] = load_instance()


INSTANCE = pytest.StashKey[Instance]()


@pytest.fixture(scope="session")
def instance(request: pytest.FixtureRequest) -> Instance:
    return request.config.stash[INSTANCE]


@pytest.fixture(scope="session")
def runs(instance: Instance) -> dict[str, Run]:
    """All runs of the release by obs_id, as astropy reads them."""
    return read_release(instance.data)


@pytest.fixture(scope="session")
def ctao(instance: Instance) -> Holdings:
    """All data sets of the collection ctao."""
    simulated, challenge = instance.ctao["simulated"], instance.ctao["cta-1dc"]
    found = of_index(simulated, ".", "SIMULATED-CTAO-LIKE")
    return found if challenge is None else found + of_index(challenge, "index/gps", "CTA-1DC (simulated)")


@pytest.fixture(scope="session")
def hess(instance: Instance, runs: dict[str, Run]) -> Holdings:
    """All data sets of the collection hess_dr."""
    return of_runs(runs, instance.obs_collection)


@pytest.fixture(scope="session")
def holdings(hess: Holdings, ctao: Holdings) -> Holdings:
    """All data sets of the instance."""
    return hess + ctao


@pytest.fixture(scope="session")
def three(runs: dict[str, Run]) -> list[Run]:
    """The first, the middle and the last run."""
    found = list(runs.values())
    return [found[0], found[len(found) // 2], found[-1]]


class _Session(requests.Session):
    """A session with a time limit."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        kwargs.setdefault("timeout", TIMEOUT)
        return super().request(*args, **kwargs)


@pytest.fixture(scope="session")
def http() -> requests.Session:
    session = _Session()
    # Connections that fail only: an answer is an answer, whatever its status.
    retry = Retry(total=None, connect=5, read=0, redirect=10, status=0, backoff_factor=0.5)
    session.mount("http://", HTTPAdapter(max_retries=retry))
    yield session
    session.close()


@pytest.fixture(scope="session")
def tap(instance: Instance, http: requests.Session) -> pyvo.dal.TAPService:
    return pyvo.dal.TAPService(instance.tap, session=http)


@pytest.fixture(scope="session")
def validator(instance: Instance) -> Validator:
    return Validator(instance.schemata)
