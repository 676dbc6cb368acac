"""Styled text without a terminal library: what pytest's terminal writer, an ANSI stream or a plain file can print."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

__all__ = ["Line", "Span", "Writer", "ansi", "emit", "plain"]

_CODES = {"bold": "1", "light": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line, with the names of its styles as pytest's terminal writer knows them."""

    text: str
    styles: tuple[str, ...] = ()

    @property
    def markup(self) -> dict[str, bool]:
        """Keyword arguments for `TerminalReporter.write`."""
        return dict.fromkeys(self.styles, True)


Line = tuple[Span, ...]


class Writer(Protocol):
    """The two methods of pytest's TerminalReporter that a rendering needs."""

    def write(self, content: str, **markup: bool) -> None: ...

    def line(self, msg: str, **kw: bool) -> None: ...


def emit(lines: Iterable[Line], writer: Writer) -> None:
    """Write styled lines to pytest's terminal; it leaves the styles out where the terminal has none."""
    for line in lines:
        for span in line:
            writer.write(span.text, **span.markup)
        writer.line("")


def plain(lines: Iterable[Line]) -> str:
    """The text alone, a line each, without trailing blanks."""
    return "".join("".join(span.text for span in line).rstrip() + "\n" for line in lines)


def ansi(lines: Iterable[Line]) -> str:
    """The text with ANSI escapes, for a terminal."""
    return "".join("".join(map(_coloured, line)) + "\n" for line in lines)


def _coloured(span: Span) -> str:
    if not span.styles:
        return span.text
    codes = ";".join(_CODES[style] for style in span.styles)
    return f"\x1b[{codes}m{span.text}\x1b[0m"
