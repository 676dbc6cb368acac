"""What is no TOML, or no text: the line, and what to do about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.target_file import load_target
from tests.unit.target_file.writing import MINIMAL, complaint, write


def test_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text(MINIMAL, encoding="utf-8-sig")
    assert complaint(path) == "FILE:1: begins with a byte order mark; save it as UTF-8 without one"


def test_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes('name = "x"\n# für alle\n'.encode("latin-1"))
    assert complaint(path) == "FILE:2: is not UTF-8 (byte 0xfc); TOML files are, save it as UTF-8"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_an_encoding_that_no_mark_tells(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes('name = "x"\n'.encode(encoding))
    assert complaint(path) == "FILE:1: has a NUL in it, as UTF-16 has; TOML files are UTF-8, save it as that"


def test_lines_may_end_as_on_windows(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes(MINIMAL.replace("\n", "\r\n").encode())
    assert load_target(path).name == "mine"
    path.write_bytes((MINIMAL + "pth = 1\n").replace("\n", "\r\n").encode())
    assert "FILE:7: endpoints.echo.pth is not a key" in complaint(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'name = "x"\nready = 300ms\n',
            "FILE:2:12: is not TOML: Expected newline or end of document after a statement; "
            'text stands in quotes, did you mean "300ms"?\n    ready = 300ms\n               ^',
        ),
        (
            "name = mine # ours\n",
            'FILE:1:8: is not TOML: Invalid value; text stands in quotes, did you mean "mine"?\n'
            "    name = mine # ours\n           ^",
        ),
        (
            "retry_after = True\n",
            "FILE:1:15: is not TOML: Invalid value; did you mean true?\n    retry_after = True\n                  ^",
        ),
        (
            "[start\nport = 1\n",
            "FILE:1:7: is not TOML: Expected ']' at the end of a table declaration\n    [start\n          ^",
        ),
        (
            "[start]\n[start]\n",
            "FILE:2:7: is not TOML: Cannot declare ('start',) twice\n    [start]\n          ^",
        ),
        (
            'name = "x',
            'FILE:1: is not TOML: Unterminated string (at end of document)\n    name = "x',
        ),
    ],
)
def test_what_is_not_toml(tmp_path: Path, text: str, message: str) -> None:
    assert complaint(write(tmp_path, text)) == message


def test_numbers_and_depths_beyond_reading(tmp_path: Path) -> None:
    assert complaint(write(tmp_path, f"a = 1\nb = {'9' * 5000}\n")) == (
        "FILE:2: has a number that is too long to be read: Exceeds the limit (4300 digits) for integer string "
        "conversion: value has 5000 digits; use sys.set_int_max_str_digits() to increase the limit"
    )
    assert complaint(write(tmp_path, f"[start]\nport = 0x{'f' * 5000}\n")) == (
        "FILE has 1 mistake:\nFILE:2: start.port is an integer of 20000 bits; TOML's have 64"
    )
    assert complaint(write(tmp_path, f"name = {'[' * 5000}\n")) == (
        "FILE: is nested too deeply to be read; no key of a target file is"
    )
    assert complaint(write(tmp_path, f"{'a.' * 5000}b = 1\n")) == (
        f"FILE has 1 mistake:\nFILE:1: {'.'.join('a' * 20)} holds tables or arrays too deep to be read; no key does"
    )
