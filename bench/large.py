"""Small queries and cones at ten million rows, beside what they took at a million in the same run."""

from __future__ import annotations

from collections.abc import Iterator

from bench.harness import Figure
from bench.instance import Bench
from bench.queries import REFERENCE_SIZE, figures_at

SIZE = 10_000_000
GROWTH = 1.3
CONES = ("cone ivoa.obscore", "cone ctao.obscore", "scs")


def figures(bench: Bench) -> Iterator[Figure]:
    """Measure all small queries again; ``queries`` has run before."""
    bench.multiply(SIZE)
    for name, figure in figures_at(bench, SIZE):
        yield figure
        if name in CONES and name in bench.reference:
            yield _growth(bench.reference[name], figure)


def _growth(small: Figure, large: Figure) -> Figure:
    """Compare the time of a cone at two sizes, which cannot be measured in turn."""
    values = [late / early for early, late in zip(small.times["ours"], large.times["ours"], strict=True)]
    return Figure(
        f"{large.what}, over that with {REFERENCE_SIZE:,}",
        f"<= {GROWTH} x",
        values,
        "x",
        GROWTH,
        times={"ours": large.times["ours"], "bound": small.times["ours"]},
        note="bound: our own time with the smaller table, earlier in this run",
    )
