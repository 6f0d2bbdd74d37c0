"""The writers in DaCHS's registry of formats."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from typing import Any

from gavo import rsc
from gavo.formats import common, csvtable, fitstable, votablewrite  # noqa: F401 - DaCHS's come first

from results import csvs, fits, parquet, votable
from results.source import open_source
from upstream import result_writers

SWITCH = "CHERENKOV_VO_FAST_PATHS"
"""Environment variable; with ``no``, DaCHS's own writers stay."""

VOTABLES = {"votable": "binary", "votableb2": "binary2", "votabletd": "td"}
"""DaCHS's keys of the formats to the serialisation of their rows."""

Writer = Callable[..., None]
_stock: dict[str, Writer] = {}


def enabled() -> bool:
    """Say whether this process is to use this project's fast ways."""
    return os.environ.get(SWITCH, "yes").lower() not in ("no", "0", "false")


def _write_votable(key: str, data: Any, output: Any, **options: Any) -> None:
    source = open_source(data)
    if source is None:
        _stock[key](data, output, **options)
    else:
        context = votablewrite.VOTableContext(**{"tablecoding": VOTABLES[key], **options})
        votable.write(source, data, output, context)


def _write_csv(key: str, data: Any, output: Any, **options: Any) -> None:
    source = open_source(data) if csvs.is_ours() and not set(options) - {"acquireSamples"} else None
    if source is None:
        _stock[key](data, output, **options)
    else:
        csvs.write(source, output, headered=key == "csv")


def _write_fits(key: str, data: Any, output: Any, **options: Any) -> None:
    source = open_source(data) if not set(options) - {"acquireSamples"} else None
    if source is None or not fits.is_ours(source):
        _stock[key](data, output, **options)
    else:
        fits.write(source, output)


def _write_parquet(data: Any, output: Any, **_options: Any) -> None:
    source = open_source(data)
    if source is None:
        whole = rsc.wrapTable(data)
        parquet.write_rows(whole.getPrimaryTable(), whole, output)
    else:
        parquet.write(source, data, output)


def is_ours(key: str) -> bool:
    """Say whether a format's registered writer is one of ours."""
    return key in _stock and common.FORMATS_REGISTRY.writerRegistry[key] is not _stock[key]


def _replace(key: str, writer: Writer) -> None:
    """Register a writer for a format that DaCHS has, under all its names."""
    registry = common.FORMATS_REGISTRY
    _stock[key] = registry.writerRegistry[key]
    # The names stay where they are: some have gone to another format that was registered later.
    registry.writerRegistry[key] = functools.partial(writer, key)


def register() -> None:
    """Make DaCHS use our writers in this process, unless it is told not to."""
    if not enabled() or _stock:
        return
    for key in VOTABLES:
        _replace(key, _write_votable)
    for key in ("csv", "csv_bare"):
        _replace(key, _write_csv)
    _replace("fits", _write_fits)
    common.registerDataWriter(
        "parquet", _write_parquet, parquet.MEDIA_TYPE, "Apache Parquet", ".parquet", "application/parquet"
    )
    result_writers.install(is_ours)
