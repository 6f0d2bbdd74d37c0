"""The ADQL functions on time coverage and energies; importing this module makes DaCHS know them.

In a condition such as ``1 = gavo_tmoc_overlaps(...)`` they become a bare PostgreSQL operator, which
can use an index (``functions.rd``, stream ``indexes``). All work is done by the database functions
of ``functions.sql``; docs/adql-functions.md says what they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gavo.adql import common, fieldinfo, morphhelpers, nodes
from gavo.adql.ufunctions import UFUNC_REGISTRY, userFunction

SQLMaker = Callable[..., str]


class CoverageFunction(nodes.FunctionNode):  # type: ignore[misc]
    """A call of one of our functions in an ADQL tree.

    DaCHS's own nodes write down their SQL when the query is parsed, too early for arguments that
    have to be translated themselves; this one waits until the whole query is written.

    Attributes
    ----------
    args
        The arguments' nodes.
    funName
        Name of the function in upper case.
    sql
        Gives the SQL expression from those of the arguments.
    """

    type = "coverageFunction"
    _a_sql = None

    def expression(self) -> str:
        """Write the SQL expression, of whatever type PostgreSQL has for it."""
        return str(self.sql(*(nodes.flatten(argument) for argument in self.args)))

    def flatten(self) -> str:
        """Write SQL that has the type that the function is declared to have."""
        return f"CAST({self.expression()} AS {UFUNC_REGISTRY[self.funName].adqlUDF_returntype})"

    def addFieldInfo(self, context: Any) -> None:  # noqa: N802 - DaCHS's name
        """Tell DaCHS what the result is."""
        known = UFUNC_REGISTRY[self.funName]
        self.fieldInfo = fieldinfo.FieldInfo(known.adqlUDF_returntype, known.adqlUDF_unit, known.adqlUDF_ucd)


def _replace(name: str, args: list[Any], forms: dict[int, SQLMaker]) -> None:
    """Put a `CoverageFunction` in the place of a call that DaCHS has just parsed.

    Parameters
    ----------
    name
        Name of the function.
    args
        Its arguments' nodes; None without any.
    forms
        Number of arguments to what makes the SQL.

    Raises
    ------
    gavo.adql.common.UfuncError
        The number of arguments is none of these.
    gavo.adql.nodes.ReplaceNode
        Otherwise: DaCHS's way to be handed a node.
    """
    count = len(args or ())
    if count not in forms:
        expected = " or ".join(str(number) for number in sorted(forms))
        raise common.UfuncError(f"{name}: expected {expected} argument(s), found {count}")
    raise nodes.ReplaceNode(CoverageFunction(funName=name.upper(), args=tuple(args), sql=forms[count]))


def _as_condition(node: CoverageFunction, operator: str, operand: str) -> Any:
    """Turn a comparison with 0 or 1 into a condition; None, which is to leave it, for any other."""
    return morphhelpers.addNotToBooleanized(f"({node.expression()})", operator, operand)


def _times(moc: str) -> str:
    return f"public.tmoc_ranges({moc})"


def _span(mjd_min: str, mjd_max: str) -> str:
    return f"public.tmoc_span({mjd_min}, {mjd_max})"


@userFunction(  # type: ignore[untyped-decorator]
    "gavo_tmoc_overlaps",
    "(tmoc TEXT, mjd_min DOUBLE PRECISION, mjd_max DOUBLE PRECISION) -> INTEGER",
    """
    returns 1 if the time MOC (in the ASCII form of MOC 2.0, as in t_intervals) and the closed interval
    from mjd_min to mjd_max (MJD in TT, as t_min and t_max) have a time in common, 0 if not. An
    interval whose ends are the wrong way round has no times. The result is NULL if an argument is.
    Conditions like 1=gavo_tmoc_overlaps(t_intervals, 53944, 53945) are fast.
    """,
    returntype="integer",
    ucd="meta.code",
    polymorphism=[
        (
            "(tmoc TEXT, other TEXT) -> INTEGER",
            "returns 1 if the two time MOCs have a time in common, 0 if not, NULL if an argument is NULL.",
        )
    ],
)
def _tmoc_overlaps(args: list[Any]) -> None:
    forms: dict[int, SQLMaker] = {
        2: lambda moc, other: f"{_times(moc)} && {_times(other)}",
        3: lambda moc, low, high: f"{_times(moc)} && {_span(low, high)}",
    }
    _replace("gavo_tmoc_overlaps", args, forms)


@userFunction(  # type: ignore[untyped-decorator]
    "gavo_tmoc_overlap_seconds",
    "(tmoc TEXT, mjd_min DOUBLE PRECISION, mjd_max DOUBLE PRECISION) -> DOUBLE PRECISION",
    """
    returns how many seconds of the time MOC (in the ASCII form of MOC 2.0, as in t_intervals) are within
    the interval from mjd_min to mjd_max (MJD in TT, as t_min and t_max); 0 if the ends are the
    wrong way round, NULL if an argument is NULL.
    """,
    returntype="double precision",
    unit="s",
    ucd="time.duration",
    polymorphism=[
        (
            "(tmoc TEXT, other TEXT) -> DOUBLE PRECISION",
            "returns how many seconds the two time MOCs have in common, NULL if an argument is NULL.",
        )
    ],
)
def _tmoc_overlap_seconds(args: list[Any]) -> None:
    forms: dict[int, SQLMaker] = {
        2: lambda moc, other: f"public.tmoc_seconds({_times(moc)} * {_times(other)})",
        3: lambda moc, low, high: (
            f"public.tmoc_seconds({_times(moc)} * pg_catalog.int8multirange({_span(low, high)}))"
        ),
    }
    _replace("gavo_tmoc_overlap_seconds", args, forms)


@userFunction(  # type: ignore[untyped-decorator]
    "gavo_tmoc_union",
    "(tmoc TEXT) -> TEXT",
    """
    An aggregate function: returns the union of all time MOCs within a GROUP as a time MOC, in the ASCII
    form of MOC 2.0 and at the highest order of any of them. NULLs are left out; of nothing else, the
    result is NULL.
    """,
    returntype="text",
)
def _tmoc_union(args: list[Any]) -> None:
    forms: dict[int, SQLMaker] = {
        1: lambda moc: (
            f"public.tmoc_text(pg_catalog.range_agg({_times(moc)}), pg_catalog.max(public.tmoc_order({moc})))"
        )
    }
    _replace("gavo_tmoc_union", args, forms)


@userFunction(  # type: ignore[untyped-decorator]
    "gavo_energy_overlaps",
    "(energy_min DOUBLE PRECISION, energy_max DOUBLE PRECISION, low DOUBLE PRECISION,"
    " high DOUBLE PRECISION) -> INTEGER",
    """
    returns 1 if the closed intervals from energy_min to energy_max and from low to high have an energy in
    common, 0 if not. All four are in the same unit; the columns energy_min and energy_max are in eV.
    An interval whose ends are the wrong way round has no energies. The result is NULL if an
    argument is. Conditions like 1=gavo_energy_overlaps(energy_min, energy_max, 1e13, 5e13) are fast.
    """,
    returntype="integer",
    ucd="meta.code",
)
def _energy_overlaps(args: list[Any]) -> None:
    forms: dict[int, SQLMaker] = {
        4: lambda first, last, low, high: (
            f"public.energy_span({first}, {last}) && public.energy_span({low}, {high})"
        )
    }
    _replace("gavo_energy_overlaps", args, forms)


for _name in ("GAVO_TMOC_OVERLAPS", "GAVO_ENERGY_OVERLAPS"):
    morphhelpers.registerBooleanizer(_name, _as_condition)
