"""How a server is started: mistakes in the table [start]."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.target_file.writing import MINIMAL, complaint, write


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (
            'command = "python -m server"',
            """\
            FILE:4: start.command is text; did you mean ["python", "-m", "server"]?
                found:   "python -m server"
                allowed: an array, each item text""",
        ),
        (
            "command = []",
            """\
            FILE:4: start.command is empty
                found:   []
                allowed: an array, each item text""",
        ),
        (
            'attach = "http://127.0.0.1:80/"',
            r"""
            FILE:4: start.attach does not have the right form; did you mean "ws://127.0.0.1:80"?
                found:   "http://127.0.0.1:80/"
                allowed: text that matches ^wss?://[^/\s]+$, such as "ws://127.0.0.1:8765"
            """,
        ),
        (
            'image = "x"\nport = 70000',
            """\
            FILE:5: start.port is too large
                found:   70000
                allowed: an integer from 1 to 65535""",
        ),
        (
            'image = "x"\nenvironment = { DEBUG = true, PORT = 80 }',
            """\
            FILE:5: start.environment.DEBUG is a truth value; did you mean "true"?
                found:   true
                allowed: text
            FILE:5: start.environment.PORT is an integer; did you mean "80"?
                found:   80
                allowed: text""",
        ),
    ],
)
def test_how_it_is_started(tmp_path: Path, key: str, message: str) -> None:
    path = write(tmp_path, f'name = "mine"\n\n[start]\n{key}\n[endpoints.echo]\npath = "/ws"\n')
    said = dedent(message).strip()
    count = said.count("FILE:")
    assert complaint(path) == f"FILE has {count} mistake{'s' if count > 1 else ''}:\n{said}"


def test_no_way_to_start(tmp_path: Path) -> None:
    path = write(tmp_path, 'name = "mine"\n[start]\nport = 1\n[endpoints.echo]\npath = "/ws"\n')
    assert complaint(path).splitlines()[1] == (
        "FILE:2: start is incomplete: none of command, image, build and attach says how the server is started"
    )


def test_a_directory_with_a_name_too_long(tmp_path: Path) -> None:
    said = complaint(write(tmp_path, MINIMAL.replace("command", f'directory = "{"x" * 3000}"\ncommand')))
    assert said.splitlines()[1] == "FILE:4: start.directory is not a directory"


def test_what_no_process_can_be_started_with(tmp_path: Path) -> None:
    started = MINIMAL.replace('["server"]', '["server", "a\\u0000"]\nenvironment = { "A=B" = "1", C = "\\u0000" }')
    assert complaint(write(tmp_path, started)).splitlines() == [
        "FILE has 3 mistakes:",
        "FILE:4: start.command[1] has a NUL in it",
        '    found:   "a\\u0000"',
        'FILE:5: start.environment."A=B" is no name of a variable',
        "    allowed: a name without = and NUL",
        "FILE:5: start.environment.C has a NUL in it",
        '    found:   "\\u0000"',
    ]
