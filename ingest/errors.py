"""The errors of this project: one small tree.

Every message names what is at fault, the value found and what was expected, so
that it can be shown to a user as it is.
"""

from __future__ import annotations

from pathlib import Path

LONGEST_VALUE = 80
"""Characters of a value that a message repeats."""


def shown(value: object) -> str:
    """Give a value for a message; of a long text, its beginning."""
    text = "missing" if value is None else repr(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}..."


def printable(text: str) -> str:
    """Give a text with escapes for what cannot be printed, and blanks for line breaks."""
    if text.isprintable():
        return text
    return "".join(
        letter if letter.isprintable() else ascii(letter)[1:-1] for letter in " ".join(text.split())
    )


class CherenkovVOError(Exception):
    """The root: catch this to catch everything this project raises on purpose."""


class ConfigError(CherenkovVOError):
    """A configuration file or variable cannot be used."""


class IdentifierError(CherenkovVOError):
    """A string is not one of our data set identifiers."""


class SelectionError(CherenkovVOError):
    """A parameter of an event selection cannot be used.

    Parameters
    ----------
    parameter
        Its name, such as ``CIRCLE``.
    value
        What was given.
    expected
        What is wrong and what was expected, as in ``expected three numbers``.
    label
        What the error is called in an answer: one of those of SODA 1.0, section 5.2.
    """

    def __init__(self, parameter: str, value: str, expected: str, *, label: str = "UsageError") -> None:
        self.parameter = parameter
        self.label = label
        shown = value if len(value) <= 60 else f"{value[:60]}..."
        super().__init__(f"{parameter} = {shown!r}: {expected}")


class GADFError(CherenkovVOError):
    """A file cannot be published as GADF.

    Parameters
    ----------
    path
        The file.
    problem
        What was found and what was expected.
    hdu
        Name of the HDU concerned, if it is one HDU's fault.
    keyword
        The header keyword or table column concerned, if there is one.
    """

    def __init__(
        self, path: Path | str, problem: str, *, hdu: str | None = None, keyword: str | None = None
    ) -> None:
        self.path = Path(path)
        self.hdu = hdu
        self.keyword = keyword
        self.problem = problem
        super().__init__(problem)

    def __str__(self) -> str:
        where = [self.path.name]
        if self.hdu:
            where.append(f"HDU {self.hdu}")
        if self.keyword:
            where.append(self.keyword)
        return printable(f"{', '.join(where)}: {self.problem}")

    def __reduce__(self) -> tuple[object, ...]:
        """Keep the parts when an error travels between processes."""
        return _rebuild_gadf_error, (type(self), self.path, self.problem, self.hdu, self.keyword)


def _rebuild_gadf_error(
    kind: type[GADFError], path: Path, problem: str, hdu: str | None, keyword: str | None
) -> GADFError:
    return kind(path, problem, hdu=hdu, keyword=keyword)


class UnreadableFileError(GADFError):
    """The file is not FITS, is damaged, or cannot be opened."""


class KeywordError(GADFError):
    """A keyword or column that is needed is missing or holds a value that makes no sense."""


class PreviewError(CherenkovVOError):
    """A picture cannot be drawn, for another reason than what is in the file."""


class InstanceError(CherenkovVOError):
    """Bringing the private instance up, or talking to it, failed.

    Parameters
    ----------
    problem
        What is wrong, in one sentence.
    remedy
        What the operator can do about it, in one sentence.
    exit_code
        The exit code of the command line (see ``cherenkov-vo --help``).
    """

    def __init__(self, problem: str, remedy: str = "", *, exit_code: int = 1) -> None:
        self.problem = problem
        self.remedy = remedy
        self.exit_code = exit_code
        super().__init__(f"{problem} {remedy}".strip())
