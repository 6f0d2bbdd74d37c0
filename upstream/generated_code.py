"""Functions that DaCHS generates as text are compiled once per text.

For each VOTable, DaCHS writes Python code that encodes a row and code that maps its values, and
compiles both (``votable/coding.py``, ``base/valuemappers.py``); with the fifty columns of ObsCore that
takes 4 ms. The text is the same for each result with the same columns.

Proposal to upstream: let ``utils.compileFunction`` keep code objects by source where no name is given.
"""

from __future__ import annotations

import linecache
import threading
from collections import OrderedDict
from collections.abc import Callable
from types import CodeType
from typing import Any

from gavo import utils
from gavo.base import valuemappers
from gavo.utils import codetricks
from gavo.votable import coding

from upstream.shims import Shim

MOST = 300
"""Code objects kept; one for all columns of ObsCore takes some 50 kB."""

_stock: Callable[..., Any] = codetricks.compileFunction
_codes: OrderedDict[str, CodeType] = OrderedDict()
_lock = threading.Lock()
_number = 0


def compile_function(
    src: str,
    funcName: str,  # noqa: N803 - the names are DaCHS's
    useGlobals: dict[str, Any] | None = None,  # noqa: N803
    debug: bool = False,
    uniqueName: str | None = None,  # noqa: N803
) -> Any:
    """Give a function from its source; replaces ``utils.compileFunction``, which explains the arguments."""
    if debug or uniqueName is not None:
        return _stock(src, funcName, useGlobals, debug, uniqueName)
    code = _codes.get(src)
    if code is None:
        try:
            code = _compile(src)
        except SyntaxError:
            # DaCHS knows how to complain.
            return _stock(src, funcName, useGlobals)
    names: dict[str, Any] = {}
    exec(code, vars(codetricks) if useGlobals is None else useGlobals, names)  # noqa: S102 - DaCHS's own code
    return names[funcName]


def _compile(source: str) -> CodeType:
    """Compile, and keep the source where tracebacks look for it."""
    global _number  # noqa: PLW0603 - names of generated code differ within a process
    with _lock:
        _number += 1
        name = f"<generated code, kept {_number}>"
    text = source + "\n"
    code = compile(text, name, "exec")
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    with _lock:
        _codes[source] = code
        while len(_codes) > MOST:
            _, old = _codes.popitem(last=False)
            linecache.cache.pop(old.co_filename, None)
    return code


SHIMS = (
    Shim(
        utils,
        "compileFunction",
        compile_function,
        (
            (codetricks.compileFunction, "4d19cdf30fec6bf4"),
            (coding.buildCodec, "1f35ec1286e5e916"),
            (valuemappers.SerManager._compileMapFunction, "3bd1059204e7746f"),
        ),
    ),
)
