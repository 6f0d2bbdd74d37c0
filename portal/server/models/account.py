"""What belongs to a user: who it is, stored queries, baskets."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import Field

from portal.server.models.base import Model
from portal.server.models.search import Search


class User(Model):
    """Who is logged in."""

    id: UUID
    name: str
    email: str | None
    groups: list[str] = Field(description="Groups as the provider tells.")
    rights: list[str] = Field(description="Groups of the archive that these stand for.")
    since: datetime


class Me(Model):
    """Who asks, and the word that changes of state have to carry in the header X-CSRF-Token."""

    user: User | None
    csrf: str


class LoggedOut(Model):
    """Where the browser goes to log out at the provider, too."""

    redirect: str | None


class NewQuery(Model):
    """A query to keep."""

    service: str
    name: str | None = Field(None, max_length=200)
    adql: str = Field(min_length=1, max_length=100_000)
    search: Search | None = Field(None, description="What was filled in, if it came from the form.")
    view: str | None = Field(
        None, max_length=8000, description="The page's address (path and query) that shows it."
    )
    count: int | None = Field(None, ge=0)


class StoredQuery(NewQuery):
    """A query that is kept."""

    id: UUID
    made: datetime
    last_run: datetime | None
    release: str | None = Field(description="Version of the release when it was run last.")
    shared: str | None = Field(description="The word in the link that shares it.")


class QueryPatch(Model):
    """What may be changed of a stored query."""

    name: str = Field(min_length=1, max_length=200)


class Rerun(Model):
    """What a stored query gives now, beside what it gave."""

    query: StoredQuery
    count: int
    before: int | None
    release_before: str | None
    changed: bool


class Item(Model):
    """A data set in a basket: known by service and obs_publisher_did, never by obs_id alone."""

    service: str = Field(min_length=1, max_length=100)
    did: str = Field(min_length=1, max_length=1000)
    label: str | None = Field(None, max_length=300)
    note: str | None = Field(None, max_length=2000)
    size: int | None = Field(None, ge=0, description="Bytes, as far as known.")


class Items(Model):
    """Data sets to put in."""

    items: list[Item] = Field(min_length=1, max_length=10_000)


class ItemKeys(Model):
    """Data sets to take out: pairs of service and obs_publisher_did."""

    keys: list[tuple[str, str]] = Field(min_length=1, max_length=10_000)


class NewBasket(Model):
    """A basket to make."""

    name: str = Field(min_length=1, max_length=200)
    note: str | None = Field(None, max_length=10_000)
    items: list[Item] = Field(default_factory=list, max_length=10_000)


class BasketPatch(Model):
    """What may be changed of a basket. What is not given stays."""

    name: str | None = Field(None, min_length=1, max_length=200)
    note: str | None = Field(None, max_length=10_000)


class BasketInfo(Model):
    """A basket without what is in it."""

    id: UUID
    name: str
    note: str | None
    count: int
    made: datetime
    changed: datetime
    shared: str | None


class Basket(BasketInfo):
    """A basket with what is in it."""

    items: list[Item]


class Merge(Model):
    """Baskets whose items go into another one; they themselves stay."""

    sources: list[UUID] = Field(min_length=1, max_length=100)


class Shared(Model):
    """The word of a link that shares something."""

    token: str


class Script(Model):
    """Code that gets a basket's data."""

    language: Literal["python", "shell"]
    filename: str
    text: str
