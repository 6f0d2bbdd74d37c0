"""What all parts of the benchmark share: rounds in turn, figures with their bars, a table of them.

Whatever is compared is measured in turn, round by round, in the same run, so that a busy machine
slows all of it. A figure's value is computed for each round; what counts is the median.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Times = Mapping[str, Sequence[float]]
"""Seconds by what was measured (ours, bound, stock), one number per round."""

ROUNDS = 7


@dataclass(frozen=True)
class Figure:
    """One line of the table.

    Attributes
    ----------
    what
        What was measured, with the number of rows.
    bar
        What the project has promised, in words; empty for figures without a bar.
    values
        The quantity that the bar is about, one for each round.
    unit
        Its unit: ``x`` for ratios, ``ms``, ``s``, ``/s``, ``MB``.
    limit
        The bar as a number in this unit; None without.
    at_most
        Whether the value must not be above the bar; else it must not be below.
    times
        What the value was computed from: ``ours``, ``bound``, ``stock`` in ``times_unit``, as far as
        measured.
    times_unit
        Unit of these.
    note
        What a reader has to know: how it was measured; why the bar is missed.
    """

    what: str
    bar: str
    values: Sequence[float]
    unit: str = "x"
    limit: float | None = None
    at_most: bool = True
    times: Times = field(default_factory=dict)
    times_unit: str = "s"
    note: str = ""

    @property
    def value(self) -> float:
        """The median."""
        return statistics.median(self.values)

    @property
    def met(self) -> bool | None:
        """Whether the bar is met; None without one."""
        if self.limit is None:
            return None
        return self.value <= self.limit if self.at_most else self.value >= self.limit

    def row(self) -> str:
        """Write the line: what, bar, value with spread, verdict, what it was computed from."""
        verdict = {None: "", True: "met", False: "**missed**"}[self.met]
        spread = f"{number(min(self.values))} to {number(max(self.values))}"
        seconds = [self._time(name) for name in ("ours", "bound", "stock")]
        value = f"{number(self.value)} {self.unit} ({spread})"
        return "| " + " | ".join([self.what, self.bar, value, verdict, *seconds]) + " |"

    def _time(self, name: str) -> str:
        taken = self.times.get(name)
        if not taken:
            return ""
        middle = statistics.median(taken)
        if self.times_unit == "s" and middle < 0.1:
            return f"{number(1000 * middle)} ms"
        return f"{number(middle)} {self.times_unit}"


HEADER = "| figure | bar | value (median, spread) | | ours | bound | stock |\n|---|---|---|---|---|---|---|"


def number(value: float) -> str:
    """Write a number with three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}".rstrip(".")


def seconds(function: Callable[[], object]) -> float:
    """Give how long a function takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def paired(functions: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, list[float]]:
    """Time functions in turn, several rounds after one that does not count.

    Parameters
    ----------
    functions
        Name (``ours``, ``bound``, ``stock``) to what is timed.
    rounds
        Number of rounds that count.

    Returns
    -------
    dict
        Seconds per name, one for each round.
    """
    times: dict[str, list[float]] = {name: [] for name in functions}
    for count in range(rounds + 1):
        for name, function in functions.items():
            taken = seconds(function)
            if count:
                times[name].append(taken)
    return times


def ratio(
    what: str,
    bar: str,
    times: Times,
    limit: float | None,
    *,
    of: str = "ours",
    to: str = "bound",
    at_most: bool = True,
    note: str = "",
) -> Figure:
    """Make a figure of the ratio of two times, round by round."""
    values = [one / other for one, other in zip(times[of], times[to], strict=True)]
    return Figure(what, bar, values, "x", limit, at_most, times, note=note)


def added(what: str, bar: str, times: Times, limit_ms: float | None, *, note: str = "") -> Figure:
    """Make a figure of the milliseconds that our way takes more than its bound, round by round."""
    values = [1000 * (ours - bound) for ours, bound in zip(times["ours"], times["bound"], strict=True)]
    return Figure(what, bar, values, "ms", limit_ms, times=times, note=note)


def table(figures: Sequence[Figure]) -> str:
    """Write all figures as a Markdown table, with their notes below it."""
    notes = [f"- *{figure.what}*: {figure.note}" for figure in figures if figure.note]
    return "\n".join([HEADER, *(figure.row() for figure in figures), *(["", *notes] if notes else [])])
