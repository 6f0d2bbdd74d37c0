"""The figures of a load, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tests.load.crowd import Book
from tests.load.watching import Sample

STEPS = (0.5, 0.95, 0.99)


def share(numbers: list[float], part: float) -> float:
    """Give the number below which a part of them lies."""
    ordered = sorted(numbers)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


def table(book: Book, seconds: float, before: Sample, samples: list[Sample], after: Sample) -> str:
    """Write all figures down."""
    return "\n".join([*_activities(book, seconds), "", *_holdings(before, samples, after)])


def _activities(book: Book, seconds: float) -> Iterator[str]:
    yield f"{'activity':16}{'done':>7}{'per s':>8}{'p50':>8}{'p95':>8}{'p99':>8}{'503':>6}  (seconds)"
    for kind in sorted(book.seconds.keys() | book.busy.keys()):
        found = book.seconds.get(kind, [])
        steps = "".join(f"{share(found, part):8.2f}" for part in STEPS) if found else f"{'-':>24}"
        yield f"{kind:16}{len(found):7}{len(found) / seconds:8.1f}{steps}{book.busy[kind]:6}"
    done = sum(map(len, book.seconds.values()))
    yield f"{'all':16}{done:7}{done / seconds:8.1f}{'':24}{book.busy.total():6}"
    yield f"HTTP requests: {book.requests}, {book.requests / seconds:.1f} per s"
    yield f"refused with 503 and Retry-After: {dict(book.refusals) or 'none'}"
    yield f"wrong answers: {len(book.wrong)}"


def _holdings(before: Sample, samples: list[Sample], after: Sample) -> Iterator[str]:
    middle, last = samples[len(samples) // 2], samples[-1]
    moments = {"quiet": before, "middle": middle, "end": last, "after": after}
    yield f"{'':34}" + "".join(f"{name:>9}" for name in moments)
    yield from _lines("memory (PSS, MB)", {name: one.memory for name, one in moments.items()}, 1000)
    for what in ("descriptors", "threads", "connections", "spooled"):
        yield from _lines(what, {name: getattr(one, what) for name, one in moments.items()}, 1)


def _lines(title: str, columns: Mapping[str, Mapping[str, int]], unit: int) -> Iterator[str]:
    groups = sorted({group for numbers in columns.values() for group in numbers})
    for group in groups:
        numbers = [numbers.get(group, 0) / unit for numbers in columns.values()]
        yield f"{title:18}{group:16}" + "".join(f"{number:9.0f}" for number in numbers)
    sums = [sum(numbers.values()) / unit for numbers in columns.values()]
    yield f"{title:18}{'all':16}" + "".join(f"{number:9.0f}" for number in sums)
