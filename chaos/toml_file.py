"""A TOML file read from disk: its text, or one error with the place and the remedy."""

from __future__ import annotations

import os
import re
import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from chaos.errors import ConfigurationError

__all__ = ["parse_toml", "read_text"]

NAME = "target.toml"


def read_text(path: Path) -> str:
    """The text of a target file, with the line ends of this world. Raises ConfigurationError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"there is no target file {path}{_nearest_file(path)}") from None
    except IsADirectoryError:
        raise ConfigurationError(f"{path} is a directory, not a target file{_inside(path)}") from None
    except OSError as error:
        raise ConfigurationError(f"cannot read the target file {path}: {error.strerror}") from error
    except ValueError as error:  # a NUL in its name
        raise ConfigurationError(f"cannot read the target file {path}: {error}") from error
    if data.startswith(b"\xef\xbb\xbf"):
        raise ConfigurationError(f"{path}:1: begins with a byte order mark; save it as UTF-8 without one")
    if (at := data.find(b"\0")) >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise ConfigurationError(
            f"{path}:{line}: has a NUL in it, as UTF-16 has; TOML files are UTF-8, save it as that"
        )
    try:
        return data.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(
            f"{path}:{line}: is not UTF-8 (byte 0x{data[error.start]:02x}); TOML files are, save it as UTF-8"
        ) from None


def parse_toml(text: str, path: Path) -> dict[str, Any]:
    """The document that `text` is. Raises ConfigurationError with the place of what is no TOML, as one in `path`."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r" \(at line ([0-9]+), column ([0-9]+)\)$", message)
        if at is None:  # "(at end of document)"
            number = max(1, len(text.rstrip().split("\n")))
            raise ConfigurationError(_syntax(path, text, number, None, message)) from None
        number, column = int(at[1]), int(at[2])
        raise ConfigurationError(_syntax(path, text, number, column, message[: at.start()])) from None
    except RecursionError:
        raise ConfigurationError(f"{path}: is nested too deeply to be read; no key of a target file is") from None
    except ValueError as error:  # Python converts no decimal number of more than 4,300 digits
        found = re.search(r"[0-9_]{4301,}", text)
        place = f"{path}:{text.count(chr(10), 0, found.start()) + 1}" if found else str(path)
        raise ConfigurationError(f"{place}: has a number that is too long to be read: {error}") from None


def _syntax(path: Path, text: str, number: int, column: int | None, message: str) -> str:
    line = text.split("\n")[number - 1]
    place = f"{path}:{number}" + (f":{column}" if column is not None else "")
    shown = [f"{place}: is not TOML: {message}{_remedy(line)}", f"    {line}"]
    if column is not None:
        shown.append("    " + re.sub(r"[^\t]", " ", line[: column - 1]) + "^")
    return "\n".join(shown)


def _remedy(line: str) -> str:
    """The usual slip: text without quotes, which TOML wants around everything but numbers and truth values."""
    assigned = re.fullmatch(r"\s*[\w.\"'-]+\s*=\s*([^\"'\[{#]+?)\s*(#.*)?", line)
    if assigned is None:
        return ""
    value = assigned[1]
    if value.lower() in ("true", "false"):
        return f"; did you mean {value.lower()}?"
    return f'; text stands in quotes, did you mean "{value}"?'


def _nearest_file(path: Path) -> str:
    """The file that was probably meant: near in name, in the nearest directory that exists."""
    # os.path, not Path: the name may be just short enough for the system, and too long with its suffix.
    if path.suffix != ".toml" and os.path.isfile(path.parent / f"{path.name}.toml"):
        return f"; did you mean {path.parent / f'{path.name}.toml'}?"
    directory, wanted = path.parent, path.name
    while not directory.is_dir() and directory != directory.parent:
        directory, wanted = directory.parent, directory.name
    try:
        names = sorted(entry.name for entry in directory.iterdir() if entry.suffix == ".toml" or entry.is_dir())
    except OSError:  # it may be entered and not be read: nothing to suggest
        return ""
    near = get_close_matches(wanted, [name for name in names if not name.startswith(".")], n=1, cutoff=0.5)
    if near:
        found = directory / near[0]
        return f"; did you mean {found / path.relative_to(directory / wanted) if found.is_dir() else found}?"
    tomls = [name for name in names if name.endswith(".toml")]
    return f"; {directory} has {', '.join(tomls[:5])}" if tomls else ""


def _inside(directory: Path) -> str:
    if (directory / NAME).is_file():
        return f"; did you mean {directory / NAME}?"
    tomls = sorted(directory.glob("*.toml"))
    if tomls:
        return f"; did you mean {' or '.join(str(toml) for toml in tomls[:3])}?"
    return f" (and there is no {NAME} in it)"
