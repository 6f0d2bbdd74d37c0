"""What is known of a service: its tables, columns and what its language can do."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from portal.server.models.base import Model
from portal.server.models.config import ColumnInfo
from portal.server.services import identifiers

KEY = "obs_publisher_did"

KILOBYTE = 1000
"""Bytes in a unit of access_estsize: kbyte (ObsCore 1.1, table 1), with the kilo of SI, as VOUnit has it."""

NUMBERS = {"short", "int", "long", "float", "double", "unsignedbyte"}
INTEGERS = {"short", "int", "long", "unsignedbyte"}
TEXTS = {"char", "unicodechar", "varchar", "clob"}


class Column(Model):
    """A column of a table, as TAP_SCHEMA has it."""

    name: str
    table: str
    datatype: str
    arraysize: str | None
    xtype: str | None
    unit: str | None
    ucd: str | None
    utype: str | None
    description: str | None
    principal: bool

    @property
    def bare(self) -> str:
        """The name as results have it."""
        return identifiers.bare(self.name)

    @property
    def sql(self) -> str:
        """The name as queries have it."""
        return identifiers.name(self.name)

    @property
    def is_number(self) -> bool:
        """Whether it has single numbers."""
        return self.datatype in NUMBERS and self.arraysize in (None, "", "1")

    @property
    def is_integer(self) -> bool:
        """Whether it has single whole numbers."""
        return self.datatype in INTEGERS and self.is_number

    @property
    def is_time(self) -> bool:
        """Whether it has dates and times (DALI's timestamp)."""
        return self.xtype is not None and self.xtype.lower() in {"timestamp", "adql:timestamp"}

    @property
    def is_text(self) -> bool:
        """Whether it has text."""
        return self.datatype in TEXTS and not self.is_time and not self.is_geometry

    @property
    def is_geometry(self) -> bool:
        """Whether it has shapes on the sky."""
        kind = (self.xtype or "").lower().removeprefix("adql:")
        return kind in {"region", "polygon", "circle", "point", "shape", "moc"} or self.datatype in {
            "region",
            "point",
        }

    @property
    def is_sortable(self) -> bool:
        """Whether rows can be sorted by it."""
        return self.is_number or self.is_text or self.is_time

    @property
    def info(self) -> ColumnInfo:
        """The column as the API gives it."""
        return ColumnInfo(
            name=self.bare,
            datatype=self.datatype,
            unit=self.unit,
            ucd=self.ucd,
            utype=self.utype,
            description=self.description,
            principal=self.principal,
        )


class Table(Model):
    """A table, or a join of ivoa.obscore with the extension's table, that can be searched."""

    key: str
    label: str
    description: str | None
    has_extension: bool
    columns: list[Column]

    @property
    def parts(self) -> list[str]:
        """The tables that it consists of."""
        return self.key.split("+")

    def find(self, name: str) -> Column | None:
        """Give a column by its name, whatever its case.

        Parameters
        ----------
        name
            The name.

        Returns
        -------
        Column or None
            None if there is none.
        """
        wanted = identifiers.bare(name).lower()
        return next((column for column in self.columns if column.bare.lower() == wanted), None)

    def first(self, names: list[str]) -> Column | None:
        """Give the first column that there is.

        Parameters
        ----------
        names
            Names, the best first.

        Returns
        -------
        Column or None
            None if there is none of them.
        """
        return next((column for name in names if (column := self.find(name)) is not None), None)

    def source(self, conditions: list[Column], others: list[Column]) -> str:
        """Write what stands behind FROM: no more tables than are needed.

        Rows that have no row in the extension's table are lost only if a condition on it makes them.

        Parameters
        ----------
        conditions
            Columns that conditions need.
        others
            Columns that are selected or sorted by.

        Returns
        -------
        str
            A table, or a join.
        """
        main, *extensions = self.parts
        text = identifiers.table(main)
        for extension in extensions:
            if any(column.table == extension for column in conditions):
                text += f" NATURAL JOIN {identifiers.table(extension)}"
            elif any(column.table == extension for column in others):
                text += f" NATURAL LEFT OUTER JOIN {identifiers.table(extension)}"
        return text


class Language(Model):
    """What a service's ADQL can do, as its capabilities say."""

    functions: list[str]
    geometry: list[str] | None
    has_offset: bool
    has_lower: bool
    has_ilike: bool
    binary2: str | None
    hard_limit: int | None

    def function(self, *names: str) -> str | None:
        """Give the first function that there is.

        Parameters
        ----------
        *names
            Names in lower case, the best first.

        Returns
        -------
        str or None
            None if there is none of them.
        """
        return next((name for name in names if name in self.functions), None)

    def has_geometry(self, *names: str) -> bool:
        """Tell whether there are all of these functions of geometry.

        Parameters
        ----------
        *names
            Names in upper case.

        Returns
        -------
        bool
            Also if the service does not say what it has.
        """
        return self.geometry is None or all(name in self.geometry for name in names)


class Link(Model):
    """Where a table's DataLink documents are."""

    url: str
    parameter: str
    fixed: list[tuple[str, str]]


class Known(Model):
    """All that is known of one table of a service."""

    service: str
    table: Table
    tables: list[Table]
    language: Language
    time_scale: str | None
    release: str | None
    link: Link | None
    elsewhere: dict[str, list[str]] = Field(default_factory=dict)
    """Keys of search fields that this table lacks, with the tables of the service that have them."""


class LastKnown(Model):
    """What was known of a table when its service answered last."""

    known: Known
    when: datetime
