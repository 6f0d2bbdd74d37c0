"""The files that a job makes: each with its kind, its label, and whether it comes from simulated data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits
from astropy.table import Table
from astropy.time import Time

RESULTS = "results.json"
SIMULATED = "SIMULATED data: no telescope took them"

TYPES = {
    ".fits": "application/fits",
    ".png": "image/png",
    ".ecsv": "text/csv",
    ".json": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
"""Content types by the end of the file's name. ECSV has no type of its own; it is CSV with comments."""


@dataclass(frozen=True)
class Output:
    """A file.

    Attributes
    ----------
    name
        Its name, which is its identifier, too.
    label
        What it is, for people.
    content_type, size, sha256
        Facts about its bytes.
    """

    name: str
    label: str
    content_type: str
    size: int
    sha256: str


class Outputs:
    """Writes files into a directory and remembers them.

    Attributes
    ----------
    directory
        Where they go.
    simulated
        Whether they are to be labelled so.
    files
        Those written so far.
    """

    def __init__(self, directory: Path, creator: str) -> None:
        self.directory = directory
        self.simulated = False
        self.files: list[Output] = []
        self._creator = creator

    def title(self, text: str) -> str:
        """Label a plot's title if need be."""
        return f"{text}\n{SIMULATED}" if self.simulated else text

    def image(self, name: str, label: str, data: Any, header: fits.Header, unit: str) -> None:
        """Write a map as the only image of a FITS file."""
        hdu = fits.PrimaryHDU(np.asarray(data, dtype=np.float32), header)
        hdu.header["BUNIT"] = unit
        hdu.header["OBJECT"] = label
        hdu.header["CREATOR"] = self._creator
        hdu.header["DATE"] = Time.now().utc.isot.partition(".")[0]
        if self.simulated:
            hdu.header["SIMULATE"] = (True, "these data are simulated")
            hdu.header["ORIGIN"] = "SIMULATED"
            hdu.header["COMMENT"] = SIMULATED
        hdu.writeto(self.directory / name, checksum=True)
        self.add(name, label)

    def table(self, name: str, label: str, table: Table) -> None:
        """Write a table as ECSV."""
        kept = {key: value for key, value in table.meta.items() if isinstance(value, str | int | float)}
        table.meta.clear()
        table.meta.update(kept | {"CREATOR": self._creator, "TITLE": label})
        if self.simulated:
            table.meta.update({"SIMULATE": True, "ORIGIN": SIMULATED})
        table.write(self.directory / name, format="ascii.ecsv")
        self.add(name, label)

    def figure(self, name: str, label: str, figure: Any) -> None:
        """Write a plot as PNG."""
        metadata = {"Software": self._creator, "Title": self.title(label)}
        figure.savefig(self.directory / name, dpi=110, metadata=metadata, bbox_inches="tight")
        self.add(name, label)

    def document(self, name: str, label: str, content: dict[str, Any]) -> None:
        """Write a JSON document."""
        text = json.dumps(finite(content), indent=1, ensure_ascii=False, allow_nan=False)
        (self.directory / name).write_text(text + "\n", encoding="utf-8")
        self.add(name, label)

    def add(self, name: str, label: str) -> None:
        """Remember a file that is complete."""
        path = self.directory / name
        content = path.read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        self.files.append(Output(name, label, TYPES[path.suffix], len(content), digest))

    def close(self) -> None:
        """Write the list of the files."""
        listed = json.dumps([asdict(file) for file in self.files], indent=1)
        (self.directory / RESULTS).write_text(listed + "\n", encoding="utf-8")


def finite(value: Any) -> Any:
    """Make numbers that are none NULL, and those of NumPy plain, in all of a document."""
    if isinstance(value, dict):
        return {str(key): finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [finite(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value
