"""The common look of all pictures: sizes, fonts, colours, title, bottom line, metadata."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from datalink.previews.subject import VERSION, Subject

INK = "#1a1a1a"
QUIET = "#5a5a5a"
GRID = "#d9d9d9"
# Colours that people tell apart whatever their colour vision: Okabe & Ito, "Color Universal Design" (2008).
BLUE = "#0072b2"
ORANGE = "#d55e00"
GREEN = "#009e73"
BAND = "#cfe8dc"
SHADE = "#e9e9e9"
LINE_STYLES = ("-", "--", "-.", ":", (0, (6, 1, 1, 1, 1, 1)))


@dataclass(frozen=True)
class Measures:
    """Lengths of one size, in points but for those of the whole picture, which are in pixels."""

    width: int
    height: int
    base: float
    title: float
    heading: float
    line: float
    marker: float


MEASURES = {
    "full": Measures(1200, 900, base=12.0, title=18.0, heading=12.5, line=2.0, marker=6.0),
    "small": Measures(320, 240, base=8.0, title=9.0, heading=7.5, line=1.4, marker=3.0),
}
DPI = 100


def _colours() -> LinearSegmentedColormap:
    """Make a map from white to nearly black whose lightness falls evenly, so that it works in grey, too."""
    dark = mpl.colormaps["magma_r"](np.linspace(0.08, 0.97, 240))
    fade = np.linspace(np.ones(4), dark[0], 16, endpoint=False)
    return LinearSegmentedColormap.from_list("previews", np.vstack([fade, dark]))


COLOURS = _colours()


@contextmanager
def themed(size: str) -> Iterator[None]:
    """Set what Matplotlib takes from settings, whatever the user's own are; not for several threads."""
    sizes = MEASURES[size]
    settings = {
        "font.family": "DejaVu Sans",  # comes with Matplotlib
        "font.size": sizes.base,
        "text.color": INK,
        "text.parse_math": False,
        "axes.labelcolor": INK,
        "axes.edgecolor": QUIET,
        "axes.linewidth": 0.4 * sizes.line,
        "axes.unicode_minus": True,
        "xtick.color": INK,
        "ytick.color": INK,
        "xtick.direction": "out",
        "ytick.direction": "out",
        "grid.color": GRID,
        "grid.linewidth": 0.35 * sizes.line,
        "axes.axisbelow": True,
        "lines.linewidth": sizes.line,
        "lines.markersize": sizes.marker,
        "legend.frameon": True,
        "legend.framealpha": 0.85,
        "legend.edgecolor": GRID,
        "legend.fontsize": 0.92 * sizes.base,
        "hatch.linewidth": 0.4 * sizes.line,
        "hatch.color": "#bdbdbd",
        "image.interpolation": "nearest",
    }
    with matplotlib.style.context(["default", settings]):
        yield


class Page:
    """One picture while it is made.

    Parameters
    ----------
    subject
        What it shows.
    size
        One of those in `MEASURES`.
    simulated
        Whether to say that the data are simulated.
    """

    def __init__(self, subject: Subject, size: str, *, simulated: bool) -> None:
        self.subject = subject
        self.small = size == "small"
        self.measures = MEASURES[size]
        self.simulated = simulated
        self.heading = ""
        self.figure = Figure(figsize=(self.measures.width / DPI, self.measures.height / DPI), dpi=DPI)
        self._canvas = FigureCanvasAgg(self.figure)

    def grid(self, *rows: float, columns: Sequence[float] = (1.0,), **where: float) -> Any:
        """Divide the picture below the title; rows and columns are relative sizes.

        ``where`` moves the edges: left, right, bottom, top, hspace, wspace.
        """
        edges = (
            {"left": 0.17, "right": 0.965, "bottom": 0.185, "top": 0.86}
            if self.small
            else {"left": 0.095, "right": 0.965, "bottom": 0.135, "top": 0.855}
        )
        return self.figure.add_gridspec(
            len(rows) or 1,
            len(columns),
            height_ratios=rows or (1.0,),
            width_ratios=columns,
            **(edges | where),
        )

    def axes(self, place: Any, x: str, y: str, **options: Any) -> Any:
        """Add axes with labels and a grid."""
        axes = self.figure.add_subplot(place, **options)
        axes.set_xlabel(x, labelpad=1.0 if self.small else 5.0)
        axes.set_ylabel(y, labelpad=1.0 if self.small else 5.0)
        axes.tick_params(length=2.0 * self.measures.line, pad=2.0 if self.small else 4.0)
        axes.grid(True)
        return axes

    def note(self, text: str) -> None:
        """Write into the middle why there is nothing to be seen."""
        self.figure.text(
            0.55,
            0.5,
            text,
            ha="center",
            va="center",
            color=QUIET,
            fontsize=1.3 * self.measures.base,
            path_effects=outline(self),
        )

    def colour_bar(self, image: Any, place: Any, label: str, **options: Any) -> Any:
        """Add a colour bar into axes made for it."""
        axes = self.figure.add_subplot(place)
        bar = self.figure.colorbar(image, cax=axes, **options)
        bar.set_label(label, labelpad=2.0 if self.small else 6.0)
        bar.outline.set_linewidth(0.4 * self.measures.line)
        axes.tick_params(length=1.5 * self.measures.line, pad=2.0 if self.small else 4.0)
        return bar

    def legend(self, axes: Any, **options: Any) -> None:
        """Add a legend, if there is anything in it."""
        if axes.get_legend_handles_labels()[0]:
            tight = {"handlelength": 1.6, "labelspacing": 0.2, "borderpad": 0.3, "handletextpad": 0.5}
            axes.legend(**((tight if self.small else {"handlelength": 2.6}) | {"loc": "best"} | options))

    def png(self) -> bytes:
        """Add title, heading and bottom line, and give the picture as a PNG file."""
        self._write_frame()
        memory = io.BytesIO()
        about = {
            "Title": f"{self.subject.title}: {self.heading}" if self.heading else self.subject.title,
            "Source": self.subject.provenance,
            "Software": f"cherenkov-vo previews {VERSION}, Matplotlib {mpl.__version__}",
            "Simulated": "yes" if self.simulated else "no",
        }
        printed = {name: "".join(c for c in text if c.isprintable()) for name, text in about.items()}
        self._canvas.print_png(memory, metadata=printed)
        self.figure.clear()
        return memory.getvalue()

    def _write_frame(self) -> None:
        left, right = (0.02, 0.98) if self.small else (0.03, 0.965)
        top = 0.975 if self.small else 0.968
        room = right - left
        if self.simulated:
            tag = self.figure.text(
                right,
                top - (0.005 if self.small else 0.012),
                "SIMULATED" if self.small else "SIMULATED DATA",
                ha="right",
                va="top",
                color="white",
                weight="bold",
                fontsize=self.measures.heading * (0.85 if self.small else 1.0),
                bbox={"boxstyle": "round,pad=0.25", "facecolor": ORANGE, "edgecolor": "none"},
            )
            room -= self._width(tag) + 0.025
        self._line(left, top, self.subject.title, room, va="top", weight="bold", fontsize=self.measures.title)
        if self.small:
            return
        self._line(
            left, 0.918, self.heading, right - left, va="top", color=QUIET, fontsize=self.measures.heading
        )
        self._line(
            left, 0.018, self.subject.provenance, right - left, va="bottom", color=QUIET, fontsize=10.0
        )

    def _line(self, x: float, y: float, text: str, room: float, **options: Any) -> None:
        """Write a line of text, cut to the room there is for it."""
        text = "".join(c if c.isprintable() else " " for c in text).strip()
        written = self.figure.text(x, y, text, **options)
        if self._width(written) <= room:
            return
        fits, too_long = 0, len(text)
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            written.set_text(text[:middle].rstrip() + "…")
            fits, too_long = (middle, too_long) if self._width(written) <= room else (fits, middle)
        written.set_text(text[:fits].rstrip() + "…")

    def _width(self, text: Any) -> float:
        """Give the width of a text as a fraction of the picture's."""
        box = text.get_window_extent(self._canvas.get_renderer())
        return float(box.width) / self.measures.width


def outline(page: Page, width: float = 1.6) -> list[Any]:
    """Give a white edge, for lines and text on top of colours."""
    return [withStroke(linewidth=width * page.measures.line, foreground="white")]


def log_axis(axis: Any, low: float, high: float, *, small: bool) -> None:
    """Make an axis logarithmic, with plain numbers at its ticks."""
    axes = axis.axes
    if axis is axes.xaxis:
        axes.set_xscale("log")
        axes.set_xlim(low, high)
    else:
        axes.set_yscale("log")
        axes.set_ylim(low, high)
    decades = np.log10(high / low)
    few = decades <= (1.7 if small else 2.0)
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=6 if small else 9))
    axis.set_major_formatter(FuncFormatter(lambda value, _: plain(value)))
    axis.set_minor_formatter(NullFormatter())


_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def plain(value: float) -> str:
    """Write a number without an exponent from 0.001 to 9999, and as a power of ten outside."""
    if value == 0 or 1e-3 <= abs(value) < 9999.5:
        return f"{value:.4g}"
    power = int(np.floor(np.log10(abs(value)) + 1e-9))
    head = f"{value / 10.0**power:.3g}"
    exponent = "10" + str(power).translate(_SUPERSCRIPTS)
    return exponent if head == "1" else f"{head}·{exponent}"


def shades(count: int) -> list[Any]:
    """Give colours for ordered lines, from dark to light, none too pale for a white ground."""
    return list(mpl.colormaps["viridis"](np.linspace(0.05, 0.78, max(count, 2))))[:count]
