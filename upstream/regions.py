"""Conditions on polygons in tables use an index over circles around them.

pg_sphere 1.2 takes 1.5 ms to compute the key of a polygon with 24 corners for an index, so that the
index of a million observations takes half an hour. Collections have an index over
``public.region_bounds(s_region)`` instead, a circle around the polygon (rd/functions.sql). PostgreSQL
uses it if a condition on the circle stands beside the one on the polygon.

**Proposal to DaCHS**: `adql.morphpg` should let sites register a function that may add a condition to what
it writes for CONTAINS and INTERSECTS, as `morphhelpers.registerBooleanizer` does for other functions
(it is not asked for these two). Then this module would need no more than that call.
"""

from __future__ import annotations

from typing import Any

from gavo.adql import morphpg, nodes

from upstream.shims import Shim

INDEXED = "s_region"
"""The column that has such an index in all tables of this site."""

LARGEST_RADIUS = 90
"""Degrees; pg_sphere refuses larger circles."""

_stock = morphpg._booleanizeGeoPredPGS


def condition(node: Any, operator: str) -> Any:
    """Write the SQL for CONTAINS or INTERSECTS so that it can use the indexes of this site.

    Parameters
    ----------
    node
        The call in an ADQL tree.
    operator
        pg_sphere's operator, ``<@`` or ``&&``. Both are false if a circle around one argument does not
        meet the other argument.
    """
    special = (_field_of_view(node) or _cone(node)) if operator == "<@" else None
    if special is not None:
        return special
    written = _stock(node, operator)
    if not isinstance(written, str):
        return written
    arguments = [nodes.flatten(argument) for argument in node.args]
    circles = [
        f"public.region_bounds({text})" if is_region(argument) else None
        for argument, text in zip(node.args, arguments, strict=True)
    ]
    if all(circles):
        return f"({written} AND {circles[0]} && {circles[1]})"
    for number, circle in enumerate(circles):
        if circle is not None:
            meets = "@>" if _is_point(node.args[1 - number]) else "&&"
            return f"({written} AND {circle} {meets} ({arguments[1 - number]}))"
    return written


def _field_of_view(node: Any) -> str | None:
    """Write whether a point is in a circle whose radius is a column around a position in columns.

    DaCHS has put the columns' position first, as is good for circles of one size. An index over the
    circles helps only if they stay circles.
    """
    point, circle = (morphpg.getOriginal(argument) for argument in node.args)
    if getattr(point, "type", None) != "point" or getattr(circle, "type", None) != "circle":
        return None
    if point.cooSys != circle.cooSys or not (_has_columns(point) and _has_columns(circle.radius)):
        return None
    if _has_columns(circle.center):
        return None
    centre, position, radius = (morphpg._flatAndMorph(part) for part in (circle.center, point, circle.radius))
    return f"(({centre}) <@ (scircle({position}, RADIANS({radius}))))"


def _cone(node: Any) -> str | None:
    """Write whether a point is in a circle of a given size, which may be more than 90 degrees.

    pg_sphere does not have larger circles. PostgreSQL knows before it plans the query which way it is; and
    the SQL is the same for all sizes, so that translations can be remembered.
    """
    point, circle = (morphpg.getOriginal(argument) for argument in node.args)
    if getattr(point, "type", None) != "point" or getattr(circle, "type", None) != "circle":
        return None
    if point.cooSys != circle.cooSys or _has_columns(circle.radius):
        return None
    position, centre, radius = (morphpg._flatAndMorph(part) for part in (point, circle.center, circle.radius))
    limit = LARGEST_RADIUS
    return (
        f"(CASE WHEN {radius} > {limit} THEN ({position}) <-> ({centre}) <= RADIANS({radius})"
        f" ELSE ({position}) <@ scircle({centre}, RADIANS(LEAST({radius}, {limit}))) END)"
    )


def _has_columns(node: Any) -> bool:
    return not nodes._isConstant([node])


def is_region(node: Any) -> bool:
    """Tell whether an argument in an ADQL tree is a column with regions of a table of this site."""
    return getattr(node, "type", None) == "columnReference" and str(node.name).lower() == INDEXED


def _is_point(node: Any) -> bool:
    original = morphpg.getOriginal(node)
    if getattr(original, "type", None) == "point":
        return True
    known = getattr(original, "fieldInfo", None)
    return known is not None and known.type == "spoint"


SHIMS = (
    Shim(
        morphpg,
        "_booleanizeGeoPredPGS",
        condition,
        (
            (_stock, "af722f59d6fd70d1"),
            (morphpg._convertGeoPredicates, "016d347fbf78c64c"),
            (nodes.PredicateGeometryFunction, "c4cb046084cc2bbb"),
        ),
    ),
)
