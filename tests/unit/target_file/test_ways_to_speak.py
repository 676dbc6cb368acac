"""TLS and dialects: what a target file says of how its server is spoken to."""

# ruff: noqa: E501 - messages stand here as they are printed

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from chaos.target_file import load_target
from tests.unit.target_file.writing import MINIMAL, complaint, write


def test_a_target_that_speaks_tls(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, MINIMAL + '[tls]\nserver_name = "example.test"\n'))
    assert target.tls is not None
    assert (target.tls.server_name, target.tls.ca, target.tls.verify) == ("example.test", None, True)
    assert load_target(write(tmp_path, MINIMAL)).tls is None


def test_tls_without_the_name_of_its_server(tmp_path: Path) -> None:
    assert complaint(write(tmp_path, MINIMAL + '[tls]\nverify = "no"\nservername = "x"\n')) == dedent("""\
        FILE has 2 mistakes:
        FILE:8: tls.verify is text; did you mean false?
            found:   "no"
            allowed: true or false
        FILE:9: tls.servername is not a key of tls; did you mean server_name?
            found:   servername = "x"
            allowed: server_name, ca, verify, issued""")


def test_an_unknown_dialect(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL.replace("[start]", 'dialect = "socketio"\n[start]'))
    assert complaint(path) == dedent("""\
        FILE has 1 mistake:
        FILE:3: dialect is none of the choices; did you mean "socket.io"?
            found:   "socketio"
            allowed: one of "websocket", "socket.io\"""")


SOCKET_IO = """
name = "mine"
dialect = "socket.io"
[start]
command = ["server"]
[endpoints.echo]
send = '{n}["echo", "chaos {n}"]'
"""


def test_a_dialect_has_a_path_of_its_own(tmp_path: Path) -> None:
    assert load_target(write(tmp_path, SOCKET_IO)).endpoints.echo.path == "/socket.io/"
    assert load_target(write(tmp_path, SOCKET_IO + 'path = "/ws"\n')).endpoints.echo.path == "/ws"


def test_plain_websocket_has_no_path_of_its_own(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL.replace('path = "/ws"', 'send = "x {n}"'))
    assert "endpoints.echo.path is missing" in complaint(path)


def test_what_the_dialect_cannot_say(tmp_path: Path) -> None:
    feed = '[endpoints.feed]\nmessage = "x"\nnamespace = "/chat"\n'
    path = write(tmp_path, SOCKET_IO.replace('send = \'{n}["echo", "chaos {n}"]\'', 'send = "chaos {n}"') + feed)
    assert (
        complaint(path)
        == dedent("""\
        FILE has 1 mistake:
        FILE:7: endpoints.echo.send is no event of Socket.IO
            found:   "chaos {n}"
            allowed: an event and its arguments as JSON, and before it the number of an acknowledgement where one is asked for, such as '{n}["echo", "chaos"]'""")
    )


def test_the_default_of_what_is_sent_is_no_event(tmp_path: Path) -> None:
    path = write(tmp_path, SOCKET_IO.replace('send = \'{n}["echo", "chaos {n}"]\'', ""))
    assert 'found:   "chaos {n}", the default' in complaint(path)


def test_plain_websocket_has_no_namespaces(tmp_path: Path) -> None:
    assert complaint(write(tmp_path, MINIMAL + 'namespace = "/chat"\n')) == dedent("""\
        FILE has 1 mistake:
        FILE:7: endpoints.echo.namespace is nothing that is joined with dialect = "websocket"
            found:   "/chat\"""")
