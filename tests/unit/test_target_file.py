"""Target files: what a good one becomes, and the exact words for every mistake."""

# ruff: noqa: E501 - messages stand here as they are printed

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from chaos.contract import RejectionAnswer
from chaos.errors import ConfigurationError
from chaos.target import StatisticsFormat
from chaos.target_file import load_target

MINIMAL = """
name = "mine"
[start]
command = ["server"]
[endpoints.echo]
path = "/ws"
"""

DURATION = 'a duration, text with a unit (us, ms, s, m, min, h, d), such as "30s" or "250ms"'
SIZE = 'a size, text with a unit (B, kB, KB, MB, GB, KiB, MiB, GiB), such as "5MB" or "64KiB"'
PATH = r'text that matches ^/[^\s#]*$, such as "/ws"'


def write(directory: Path, text: str) -> Path:
    path = directory / "target.toml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    """What load_target says, with `FILE` in place of the path."""
    with pytest.raises(ConfigurationError) as caught:
        load_target(path)
    return str(caught.value).replace(str(path), "FILE").replace(str(path.parent), "DIR")


def test_a_minimal_target(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, MINIMAL))
    assert (target.name, target.start.command, target.endpoints.echo.path) == ("mine", ("server",), "/ws")
    assert target.start.ready_within == pytest.approx(20)
    assert target.endpoints.echo.expect == "{n}"
    assert target.promises.value("liveness.heartbeat_interval") is None


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    target = load_target(write(tmp_path, MINIMAL))
    assert target.file == tmp_path / "target.toml"
    assert target.resolve("server") == (tmp_path / "server").resolve()


def test_everything_that_can_be_declared(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").touch()
    target = load_target(
        write(
            tmp_path,
            """
            name = "full-1_x"
            description = "all of it"
            [start]
            command = ["{python}", "-m", "server", "--host={host}", "--port={port}", "--json={}"]
            image = "server:1"
            build = "."
            attach = "ws://127.0.0.1:8765"
            port = 9000
            health = "/health?deep=1"
            ready_within = "5s"
            environment = { MODE = "fast", EMPTY = "" }
            [upstream]
            environment = "RPC_URL"
            [endpoints.echo]
            path = "/echo"
            send = '{"id": {n}}'
            expect = '"id": ?{n}\\b'
            subprotocol = "chat.v1"
            headers = { Authorization = "Bearer x" }
            [endpoints.notices]
            path = "/notices"
            send = "here {n}"
            expect = "ok {n}"
            idle_warning = "idle"
            load_warning = "busy"
            [endpoints.feed]
            path = "/feed"
            message = "update"
            sequence = '"seq": ([0-9]+)'
            [endpoints.data]
            path = "/data"
            send = "get {n}"
            live = "live"
            cached = "cached"
            unavailable = "503"
            [endpoints.gated]
            path = "/gated"
            [statistics]
            path = "/metrics"
            format = "prometheus"
            connections = 'ws_connections{endpoint="echo"}'
            [promises.establishment]
            within = "1s"
            simultaneous = 20
            ramp = [5, 10, 20]
            [promises.rejection]
            max_connections = 20
            answer = "http-503"
            within = "500ms"
            retry_after = true
            warning_threshold = 0.85
            [promises.liveness]
            heartbeat_interval = "300ms"
            heartbeat_timeout = "300ms"
            idle_timeout = "2s"
            idle_warning = "500ms"
            [promises.leak_free]
            memory_per_connection = "5kB"
            [promises.breaker]
            failure_threshold = 5
            recovery_timeout = "1s"
            call_timeout = "500ms"
            answer_within = "50ms"
            [promises.accept_breaker]
            failure_threshold = 3
            recovery_timeout = "1s"
            answer_within = "50ms"
            [promises.delivery]
            broadcast_interval = "200ms"
            """,
        )
    )
    assert target.promises.value("rejection.answer") is RejectionAnswer.HTTP_503
    assert target.promises.value("establishment.ramp") == (5, 10, 20)
    assert target.statistics is not None
    assert target.statistics.format is StatisticsFormat.PROMETHEUS
    assert target.statistics.values() == {"connections": 'ws_connections{endpoint="echo"}'}
    assert target.endpoints.echo.expect == r'"id": ?{n}\b'


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


# -- the file itself ---------------------------------------------------------------------------------------------


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


def test_no_such_file(tmp_path: Path) -> None:
    assert complaint(tmp_path / "target.toml") == "there is no target file FILE"


def test_a_misspelt_file_name(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    assert complaint(tmp_path / "targt.toml") == "there is no target file FILE; did you mean DIR/target.toml?"


def test_a_misspelt_directory(tmp_path: Path) -> None:
    (tmp_path / "reference").mkdir()
    write(tmp_path / "reference", MINIMAL)
    with pytest.raises(ConfigurationError) as caught:
        load_target(tmp_path / "refrence" / "target.toml")
    assert str(caught.value).endswith(f"; did you mean {tmp_path}/reference/target.toml?")


def test_a_file_name_without_its_ending(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    assert complaint(tmp_path / "target") == "there is no target file FILE; did you mean FILE.toml?"


def test_other_files_are_listed_where_none_is_near(tmp_path: Path) -> None:
    (tmp_path / "abc.toml").touch()
    (tmp_path / "notes.txt").touch()
    assert complaint(tmp_path / "my-server.toml") == "there is no target file FILE; DIR has abc.toml"


def test_a_directory_with_a_target_file(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL)
    with pytest.raises(ConfigurationError) as caught:
        load_target(tmp_path)
    assert str(caught.value) == f"{tmp_path} is a directory, not a target file; did you mean {tmp_path}/target.toml?"


def test_a_directory_with_other_toml_files(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").touch()
    with pytest.raises(ConfigurationError) as caught:
        load_target(tmp_path)
    assert str(caught.value) == f"{tmp_path} is a directory, not a target file; did you mean {tmp_path}/mine.toml?"


def test_an_empty_directory(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r" \(and there is no target\.toml in it\)$"):
        load_target(tmp_path)


def test_a_file_in_a_file(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL)
    with pytest.raises(ConfigurationError, match=r"^cannot read the target file .*: Not a directory$"):
        load_target(path / "target.toml")


def test_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_text(MINIMAL, encoding="utf-8-sig")
    assert complaint(path) == "FILE:1: begins with a byte order mark; save it as UTF-8 without one"


def test_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "target.toml"
    path.write_bytes('name = "x"\n# für alle\n'.encode("latin-1"))
    assert complaint(path) == "FILE:2: is not UTF-8 (byte 0xfc); TOML files are, save it as UTF-8"


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


# -- single keys -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        pytest.param(
            '[promises.liveness]\nheartbeat_intervall = "300ms"',
            """\
            FILE:8: promises.liveness.heartbeat_intervall is not a key of promises.liveness; did you mean heartbeat_interval?
                found:   heartbeat_intervall = "300ms"
                allowed: heartbeat_interval, heartbeat_timeout, idle_timeout, idle_warning, idle_code, max_age, age_code""",
            id="a misspelt key",
        ),
        pytest.param(
            '[promises.cleanup]\nidle_timeout = "3s"',
            """\
            FILE:8: promises.cleanup.idle_timeout is not a key of promises.cleanup; did you mean promises.liveness.idle_timeout or promises.settings.idle_timeout?
                found:   idle_timeout = "3s"
                allowed: sweep_interval, closed_within""",
            id="a key of another table",
        ),
        pytest.param(
            "[promises.cleanup]\nSweep-Interval = 3",
            """\
            FILE:8: promises.cleanup.Sweep-Interval is not a key of promises.cleanup; did you mean sweep_interval?
                found:   Sweep-Interval = 3
                allowed: sweep_interval, closed_within""",
            id="another spelling of a key",
        ),
        pytest.param(
            '[promises.cleanup]\n"very odd" = { x = 1 }',
            """\
            FILE:8: promises.cleanup."very odd" is not a key of promises.cleanup
                found:   "very odd" = a table with x
                allowed: sweep_interval, closed_within""",
            id="a key like none",
        ),
        pytest.param(
            '[promise.liveness]\nmax_age = "1h"',
            """\
            FILE:7: promise is not a key of a target file; did you mean promises?
                found:   promise = a table with liveness
                allowed: name, description, extends, without, dialect, start, tls, endpoints, upstream, statistics, promises""",
            id="a misspelt table",
        ),
        pytest.param(
            "[promises.liveness]\nmax_age = 20",
            f"""\
            FILE:8: promises.liveness.max_age is a number without a unit; did you mean "20s" or "20ms"?
                found:   20
                allowed: {DURATION}""",
            id="a bare number for a duration",
        ),
        pytest.param(
            "[promises.leak_free]\nmemory_per_connection = 1.5",
            f"""\
            FILE:8: promises.leak_free.memory_per_connection is a number without a unit; did you mean "1.5MB" or "1.5kB"?
                found:   1.5
                allowed: {SIZE}""",
            id="a bare number for a size",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "20secs"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration; did you mean "20s"?
                found:   "20secs"
                allowed: {DURATION}""",
            id="another word for a unit",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "20S"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration; did you mean "20s"?
                found:   "20S"
                allowed: {DURATION}""",
            id="a unit in capitals",
        ),
        pytest.param(
            '[promises.leak_free]\nmemory_per_connection = "5mb"',
            f"""\
            FILE:8: promises.leak_free.memory_per_connection is not a size; did you mean "5MB"?
                found:   "5mb"
                allowed: {SIZE}""",
            id="a size in small letters",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "soon"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration
                found:   "soon"
                allowed: {DURATION}""",
            id="no duration at all",
        ),
        pytest.param(
            '[promises.liveness]\nmax_age = "0s"',
            f"""\
            FILE:8: promises.liveness.max_age is not above zero
                found:   "0s"
                allowed: {DURATION}""",
            id="a duration of nothing",
        ),
        pytest.param(
            "[promises.liveness]\nmax_age = true",
            f"""\
            FILE:8: promises.liveness.max_age is not a duration
                found:   true
                allowed: {DURATION}""",
            id="a truth value for a duration",
        ),
        pytest.param(
            f'[promises.liveness]\nmax_age = "{"9" * 400}s"',
            f"""\
            FILE:8: promises.liveness.max_age is not a duration
                found:   "{"9" * 76}...
                allowed: {DURATION}""",
            id="a duration without end",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = 1\nwithin = "1s"\nanswer = "HTTP_503"',
            """\
            FILE:10: promises.rejection.answer is none of the choices; did you mean "http-503"?
                found:   "HTTP_503"
                allowed: one of "http-503", "close-1013\"""",
            id="a misspelt choice",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = "100"\nwithin = "1s"\nanswer = "close-1013"',
            """\
            FILE:8: promises.rejection.max_connections is text; did you mean 100?
                found:   "100"
                allowed: an integer above 0""",
            id="text for an integer",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = 1.5\nwithin = "1s"\nanswer = "close-1013"',
            """\
            FILE:8: promises.rejection.max_connections is a number
                found:   1.5
                allowed: an integer above 0""",
            id="a fraction for an integer",
        ),
        pytest.param(
            '[promises.rejection]\nmax_connections = 1\nwithin = "1s"\nanswer = "http-503"\nretry_after = "yes"',
            """\
            FILE:11: promises.rejection.retry_after is text; did you mean true?
                found:   "yes"
                allowed: true or false""",
            id="text for a truth value",
        ),
        pytest.param(
            '[promises.closing]\nshutdown_code = 999\nshutdown_within = "1s"',
            """\
            FILE:8: promises.closing.shutdown_code is too small
                found:   999
                allowed: an integer from 1000 to 4999""",
            id="a figure below its range",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nsuccess_ratio = 95',
            """\
            FILE:9: promises.establishment.success_ratio is too large
                found:   95
                allowed: a number above 0 and up to 1""",
            id="per cent for a ratio",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nsuccess_ratio = inf',
            """\
            FILE:9: promises.establishment.success_ratio is not finite
                found:   Infinity
                allowed: a number above 0 and up to 1""",
            id="infinity",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nramp = []',
            """\
            FILE:9: promises.establishment.ramp is empty
                found:   []
                allowed: an array, each item an integer above 0""",
            id="an empty array",
        ),
        pytest.param(
            '[promises.establishment]\nwithin = "1s"\nramp = [\n  10,\n  0,\n]',
            """\
            FILE:9: promises.establishment.ramp[1] is too small
                found:   0
                allowed: an integer above 0""",
            id="one item of an array",
        ),
        pytest.param(
            "[promises.latency]",
            f"""\
            FILE:7: promises.latency.p99 is missing: 99th percentile of the round trip when nothing is wrong.
                allowed: {DURATION}""",
            id="a missing key",
        ),
        pytest.param(
            '[promises.latency]\np9 = "50ms"',
            """\
            FILE:8: promises.latency.p9 is not a key of promises.latency; did you mean p99?
                found:   p9 = "50ms"
                allowed: p99""",
            id="a misspelt key, which is not missing as well",
        ),
        pytest.param(
            "[promises]\nlatency = 3",
            """\
            FILE:8: promises.latency is an integer
                found:   3
                allowed: a table with the keys p99""",
            id="a value for a table",
        ),
        pytest.param(
            "[promises]\nlatency = { p99 = 2020-01-01 }",
            """\
            FILE:8: promises.latency.p99 is a date or a time, which no key takes; text stands in quotes; did you mean "2020-01-01"?
                found:   2020-01-01""",
            id="a date",
        ),
        pytest.param(
            '[statistics]\nconnections = "/connections"',
            f"""\
            FILE:7: statistics.path is missing
                allowed: {PATH}""",
            id="statistics without their path",
        ),
        pytest.param(
            '[statistics]\npath = "stats"',
            f"""\
            FILE:8: statistics.path does not have the right form; did you mean "/stats"?
                found:   "stats"
                allowed: {PATH}""",
            id="a path without its slash",
        ),
        pytest.param(
            '[upstream]\nenvironment = "RPC-URL"',
            """\
            FILE:8: upstream.environment does not have the right form
                found:   "RPC-URL"
                allowed: text that matches ^[A-Za-z_][A-Za-z0-9_]*$, such as "UPSTREAM_URL\"""",
            id="no name of a variable",
        ),
    ],
)
def test_one_mistake(tmp_path: Path, addition: str, message: str) -> None:
    path = write(tmp_path, MINIMAL + addition + "\n")
    assert complaint(path) == "FILE has 1 mistake:\n" + dedent(message)


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


def test_a_name_becomes_one_for_files(tmp_path: Path) -> None:
    path = write(tmp_path, MINIMAL.replace('"mine"', '"My Server!"'))
    assert complaint(path).splitlines()[1] == 'FILE:2: name does not have the right form; did you mean "my-server"?'


def test_where_it_was_read_from_is_no_key(tmp_path: Path) -> None:
    path = write(tmp_path, 'file = "elsewhere"\n' + MINIMAL)
    assert complaint(path).splitlines()[1] == "FILE:1: file is not a key of a target file"


def test_an_empty_file_lists_what_has_to_be_there(tmp_path: Path) -> None:
    said = complaint(write(tmp_path, ""))
    assert said.splitlines()[0] == "FILE has 3 mistakes:"
    assert [line for line in said.splitlines() if line.startswith("FILE: ")] == [
        "FILE: name is missing: Lower case, for file names.",
        "FILE: start is missing: How the server is started. Several ways may be given; the runtime takes the one it can use.",
        "FILE: endpoints is missing: Where the server's WebSocket endpoints are, by the part they play. Only `echo` has to be there.",
    ]


def test_all_mistakes_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Those of single keys and those between keys, whatever order the checks have."""
    path = write(
        tmp_path,
        """\
        [promises.liveness]
        heartbeat_timeout = "1s"
        [promises.latency]
        p99 = "fast"
        worst = "1s"
        [endpoints.echo]
        path = "/ws"
        expect = "("
        [start]
        port = 0
        image = "x"
        """,
    )
    said = complaint(path)
    assert said.splitlines()[0] == "FILE has 6 mistakes:"
    assert [line.split(" ")[:2] for line in said.splitlines() if line.startswith("FILE:")] == [
        ["FILE:", "name"],
        ["FILE:2:", "promises.liveness.heartbeat_timeout"],
        ["FILE:4:", "promises.latency.p99"],
        ["FILE:5:", "promises.latency.worst"],
        ["FILE:8:", "endpoints.echo.expect"],
        ["FILE:10:", "start.port"],
    ]


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


@pytest.mark.parametrize(
    ("expression", "problem"),
    [
        ("a{99999999999999999999}", "the repetition number is too large"),
        ("(" * 2000 + ")" * 2000, "its groups are nested too deeply"),
        ("[[a]", "Possible nested set at position 1"),
    ],
)
def test_expressions_that_re_takes_offence_at(tmp_path: Path, expression: str, problem: str) -> None:
    said = complaint(write(tmp_path, MINIMAL + f"expect = '{expression}'\n"))
    assert said.splitlines()[1] == f"FILE:7: endpoints.echo.expect is no regular expression: {problem}"


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
