"""Every defect loads, says what it breaks, breaks it, and breaks nothing when it is not asked for."""

from __future__ import annotations

import contextlib
import resource
import signal
import socket
import subprocess
import sys
import time
from asyncio.constants import ACCEPT_RETRY_DELAY
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import psutil
import pytest
from reference_server import defects
from reference_server.parts import Parts
from websockets.frames import Opcode

from .defect_checks import CHECKS
from .defect_checks.bench import Bench
from .fault_defect_checks import FAULT_CHECKS
from .raw_client import Connect, RawClient
from .running import RunningServer, StartServer, wait_until
from .session_defect_checks import SESSION_CHECKS

NAMES = defects.available()
UNIT_CHECKS = {**CHECKS, **FAULT_CHECKS, **SESSION_CHECKS}


@pytest.fixture(autouse=True)
def _classes_as_they_were() -> Iterator[None]:
    """Put back what defects replace on classes and in modules: here, unlike in a server, the process goes on."""
    modules = [module for name, module in sorted(sys.modules.items()) if name.startswith("reference_server")]
    before: dict[type | ModuleType, dict[str, object]] = {
        each: dict(vars(each))
        for module in modules
        for each in vars(module).values()
        if isinstance(each, type) and each.__module__.startswith("reference_server")
    }
    before |= {module: dict(vars(module)) for module in modules}
    yield
    for each, attributes in before.items():
        for name, value in vars(each).copy().items():
            if name not in attributes:
                delattr(each, name)
            elif value is not attributes[name]:
                setattr(each, name, attributes[name])


def install(names: str, parts: Parts) -> None:
    for defect in defects.load(names):
        defect.prepare()
        defect.install(parts)


@pytest.mark.parametrize("name", NAMES)
def test_each_says_what_it_does(name: str) -> None:
    (defect,) = defects.load(name)
    assert defect.name == name
    assert 20 < len(defect.description) < 110
    assert "\n" not in defect.description
    assert not defect.description.endswith(".")
    assert callable(defect.install)


def test_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(defects.UnknownDefect) as refused:
        defects.load("leak_memory_per_connection,cut_slow_peer")
    assert str(refused.value) == "bad setting DEFECT: no defect is called 'cut_slow_peer'; did you mean cut_slow_peers?"


def test_name_like_no_other_is_refused_with_the_list() -> None:
    with pytest.raises(defects.UnknownDefect) as refused:
        defects.load("xyzzy")
    assert str(refused.value) == f"bad setting DEFECT: no defect is called 'xyzzy'; there are: {', '.join(NAMES)}"


def test_names_may_be_spaced_and_none_is_none() -> None:
    assert [each.name for each in defects.load(" cut_slow_peers , idle_never_closed,")] == [
        "cut_slow_peers",
        "idle_never_closed",
    ]
    assert defects.load("") == []


def test_defect_may_hold_a_dataclass(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from __future__ import annotations\n"
        "from dataclasses import dataclass\n\n"
        'DESCRIPTION = "a defect with a value of its own"\n\n'
        "@dataclass(slots=True)\nclass Value:\n    number: int = 1\n\n"
        "def install(parts: object) -> None:\n    Value()\n"
    )
    (defect,) = defects.load("own", directory=tmp_path)
    assert defect.description == "a defect with a value of its own"


@pytest.mark.parametrize("name", sorted(UNIT_CHECKS))
async def test_each_breaks_its_promise(name: str) -> None:
    assert await UNIT_CHECKS[name](Bench()), "the check is wrong: sound parts break the promise"
    bench = Bench()
    install(name, bench.parts)
    assert not await UNIT_CHECKS[name](bench), "the defect breaks nothing"


@pytest.mark.parametrize("broken", ["serve_one_at_a_time", "leak_fd_per_connection", "cut_slow_peers"])
@pytest.mark.parametrize(
    "names",
    [
        # The first two replace the same method, so each order is another composition.
        "serve_one_at_a_time,leak_fd_per_connection,cut_slow_peers",
        "cut_slow_peers,leak_fd_per_connection,serve_one_at_a_time",
    ],
)
async def test_several_at_once_break_each_promise(names: str, broken: str) -> None:
    bench = Bench()
    install(names, bench.parts)
    assert not await CHECKS[broken](bench)


# --- what takes a running server ---


def forgets_a_reset_client(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/feed"))
    assert server.stat("/connections/total") == 1
    client.reset()
    wait_until(lambda: server.kernel_sockets(remote_port=client.local_port) == [], within=10)
    sweeps = server.stat("/cleanup/sweeps")

    def forgotten() -> bool:
        return bool(server.stat("/connections/total") == 0)

    # Ten sweeps take longer than any dead peer may stay.
    wait_until(lambda: forgotten() or server.stat("/cleanup/sweeps") > sweeps + 10, within=10)
    return forgotten()


def outlives_a_reset_client(server: RunningServer, connect: Connect) -> bool:
    connect(server.url("/feed")).reset()
    try:
        wait_until(lambda: server.stat("/connections/total") == 0, within=10)
    except OSError:  # nobody answers any more
        return False
    return True


def forgets_who_left_in_mid_frame(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/feed"))
    client.socket.sendall(HALF_A_FRAME)
    client.socket.close()
    return forgotten(server)


def forgotten(server: RunningServer) -> bool:
    """Whether nobody is in the books after ten sweeps, which take longer than any dead peer may stay."""
    sweeps = server.stat("/cleanup/sweeps")

    def nobody() -> bool:
        return bool(server.stat("/connections/total") == 0)

    wait_until(lambda: nobody() or server.stat("/cleanup/sweeps") > sweeps + 10, within=10)
    return nobody()


FIRST_FRAGMENT = b"\x01\x81\x00\x00\x00\x00x"
"""The beginning of a text that goes on."""


def forgets_who_left_in_mid_message(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/echo"))
    client.socket.sendall(FIRST_FRAGMENT)
    client.socket.shutdown(socket.SHUT_WR)  # an RST might overtake the fragment
    return forgotten(server)


def ends_who_has_half_closed(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/echo"))
    client.socket.shutdown(socket.SHUT_WR)
    return forgotten(server)


def waits_for_the_rest_of_a_frame(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/echo"))
    client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.protocol.send_text(b"torn")
    (frame,) = client.protocol.data_to_send()
    client.socket.sendall(frame[:3])
    # A request's round trip later the loop has read what came before it.
    server.stat("/connections/total")
    try:
        client.socket.sendall(frame[3:])
        return client.next_frame(Opcode.TEXT) is not None
    except OSError:  # cut
        return False


def closes_the_idle_beside_a_reset_client(server: RunningServer, connect: Connect) -> bool:
    connect(server.url("/live")).reset()
    idle = connect(server.url("/live"))
    began = server.stat("/uptime")
    # Its pongs keep it alive until its time is up; twice that is never.
    while (frame := idle.next_frame(Opcode.PING, Opcode.CLOSE)) is not None:
        if frame.opcode is Opcode.CLOSE:
            return True
        if server.stat("/uptime") > began + 2 * IDLE_TIMEOUT:
            return False
        idle.protocol.send_pong(frame.data)
        idle.flush()
    return False


def counts_no_reset_as_dead(server: RunningServer, connect: Connect) -> bool:
    connect(server.url("/feed")).reset()
    wait_until(lambda: server.stat("/connections/ended") == 1, within=10)
    return bool(server.stat("/heartbeat/dead") == 0)


def counts_no_message_that_was_only_begun(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/echo"))
    client.socket.sendall(FIRST_FRAGMENT)
    client.socket.shutdown(socket.SHUT_WR)  # an RST might overtake the fragment
    wait_until(lambda: server.stat("/connections/ended") == 1, within=10)
    return bool(server.stat("/messages/received") == 0)


def says_goodbye(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/feed"))
    server.signal(signal.SIGTERM)
    return client.next_frame(Opcode.CLOSE) is not None


def goes_down_in_time(server: RunningServer, connect: Connect) -> bool:
    connect(server.url("/feed"))  # it never answers the close frame
    server.signal(signal.SIGTERM)
    try:
        return server.process.wait(2 * SHUTDOWN_TIMEOUT) == 0
    except subprocess.TimeoutExpired:
        return False


def goes_down_behind_who_was_reset(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/feed"))
    client.reset()
    wait_until(lambda: not server.kernel_sockets(remote_port=client.local_port), within=5)
    server.signal(signal.SIGTERM)
    try:
        return server.process.wait(2 * SHUTDOWN_TIMEOUT) == 0
    except subprocess.TimeoutExpired:
        return False


def says_goodbye_to_all_at_once(server: RunningServer, connect: Connect) -> bool:
    first, last = connect(server.url("/feed")), connect(server.url("/feed"))
    server.signal(signal.SIGTERM)
    told = last.next_frame(Opcode.CLOSE) is not None
    # The first one does not answer, so it is there until its close timeout is over.
    return told and server.kernel_sockets(remote_port=first.local_port) != []


def ends_who_closes_and_holds_tcp(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/feed"))
    client.protocol.send_close(1000)
    client.flush()
    assert client.close_received() is not None
    closed_at = server.stat("/uptime")

    def ended() -> bool:
        return server.kernel_sockets(remote_port=client.local_port) == []

    wait_until(lambda: ended() or server.stat("/uptime") > closed_at + 3 * CLOSE_TIMEOUT, within=10)
    return ended()


def goes_whole(server: RunningServer, connect: Connect) -> bool:
    assert connect(server.url("/feed")).opened
    server.signal(signal.SIGTERM)
    server.process.wait(2 * SHUTDOWN_TIMEOUT)
    try:
        socket.create_connection(("127.0.0.1", server.port)).close()
    except ConnectionRefusedError:
        return True
    return False


def answers(server: RunningServer, connect: Connect, data: bytes, code: int) -> bool:
    """Whether the server closes with this code what sends that, and goes on serving others."""
    client = connect(server.url("/echo"))
    client.socket.sendall(data)
    try:
        frame = client.next_frame(Opcode.CLOSE, Opcode.TEXT, Opcode.BINARY)
        served = server.stat("/connections/inside") is not None
    except OSError:  # nobody answers any more
        return False
    told = frame is not None and frame.opcode is Opcode.CLOSE
    return served and told and client.protocol.close_rcvd is not None and client.protocol.close_rcvd.code == code


def refuses_what_has_no_mask(server: RunningServer, connect: Connect) -> bool:
    return answers(server, connect, b"\x81\x01x", 1002)


def outlives_what_is_no_text(server: RunningServer, connect: Connect) -> bool:
    return answers(server, connect, b"\x81\x81\x00\x00\x00\x00\xff", 1007)


def refuses_what_is_too_big(server: RunningServer, connect: Connect) -> bool:
    size = MAX_MESSAGE + 1
    return answers(server, connect, b"\x82\xff" + size.to_bytes(8, "big") + bytes(4) + bytes(size), 1009)


def says_that_it_is_too_big(server: RunningServer, connect: Connect) -> bool:
    return answers(server, connect, b"\x82\xff" + (MAX_MESSAGE + 1).to_bytes(8, "big") + bytes(4), 1009)


def says_that_it_is_a_flood(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/echo"))
    # A pong asked for by nobody is a frame that is not answered: nothing has to be read meanwhile.
    flood = b"\x8a\x80\x00\x00\x00\x00" * (MESSAGE_BURST * 2)
    try:
        client.socket.sendall(flood)
        return client.next_frame(Opcode.CLOSE) is not None
    except OSError:  # cut
        return False


def ends_half_a_request(server: RunningServer, _connect: Connect) -> bool:
    with socket.create_connection(("127.0.0.1", server.port), timeout=4 * HANDSHAKE_TIMEOUT) as client:
        client.sendall(b"GET /echo HTTP/1.1\r\n")
        try:
            return client.recv(65536) is not None
        except TimeoutError:
            return False


def serves_beside_half_requests(server: RunningServer, connect: Connect) -> bool:
    with contextlib.ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            slow.sendall(b"GET /echo HTTP/1.1\r\n")
        return connect(server.url("/echo")).opened


def takes_newcomers_after_a_shortage(server: RunningServer, connect: Connect) -> bool:
    pid, here = server.process.pid, ("127.0.0.1", server.port)
    inside = connect(server.url("/echo"))
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, before[1]))
    with socket.create_connection(here):
        wait_until(lambda: "cannot accept connections" in server.log_text(), within=10)
        # asyncio tries as often in one turn as its backlog is long: files that are back within it are taken at once.
        inside.send_text("the next turn")
        inside.next_frame(Opcode.TEXT)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    with socket.create_connection(here, timeout=4 * ACCEPT_RETRY_DELAY) as client:
        client.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        try:
            return client.recv(1) == b"H"
        except TimeoutError:
            return False


def idles_while_it_has_no_file(server: RunningServer, connect: Connect) -> bool:
    process = psutil.Process(server.process.pid)
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (0, before[1]))
    with socket.create_connection(("127.0.0.1", server.port)):
        wait_until(lambda: "cannot accept connections" in server.log_text(), within=10)
        idle = idles(server)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    return idle


def says_little_while_it_has_no_file(server: RunningServer, connect: Connect) -> bool:
    process = psutil.Process(server.process.pid)
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (0, before[1]))
    with socket.create_connection(("127.0.0.1", server.port)):
        time.sleep(2 * ACCEPT_RETRY_DELAY)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
    return server.log_text().count("Too many open files") == 1


def idles_behind_who_was_reset(server: RunningServer, connect: Connect) -> bool:
    client = connect(server.url("/echo"))
    client.reset()
    wait_until(lambda: server.kernel_sockets(remote_port=client.local_port) == [], within=10)
    return idles(server)


def idles_while_a_client_takes_nothing(server: RunningServer, connect: Connect) -> bool:
    fill(connect(server.url("/echo")))
    return idles(server)


def ends_what_waits_for_room(server: RunningServer, connect: Connect) -> bool:
    tasks = server.stat("/tasks")
    client = connect(server.url("/echo"))
    fill(client)
    client.reset()
    wait_until(lambda: server.stat("/connections/total") == 0, within=10)
    return bool(server.stat("/tasks") == tasks)


def fill(client: RawClient) -> None:
    """Ask and read nothing until the server reads no more: both kernels are full then, and so is the server."""
    client.protocol.send_text(b"x" * LITTLE)
    (message,) = client.protocol.data_to_send()
    client.socket.settimeout(STUCK)
    with contextlib.suppress(TimeoutError):
        while True:
            client.socket.sendall(message)


def idles_after_a_pause(server: RunningServer, connect: Connect) -> bool:
    server.signal(signal.SIGSTOP)
    time.sleep(PAUSED)
    server.signal(signal.SIGCONT)
    server.stat("/connections/total")
    return idles(server)


def idles(server: RunningServer) -> bool:
    process = psutil.Process(server.process.pid)
    used = sum(process.cpu_times()[:2])
    time.sleep(1.0)
    return sum(process.cpu_times()[:2]) - used < A_FEW_PINGS


LITTLE = 60_000
"""Bytes of a message, below the most that one may have."""
STUCK = 0.5
"""Seconds in which nothing could be sent: nobody reads any more."""
PAUSED = 1.2
"""Seconds; longer than any timer's period."""
A_FEW_PINGS = 0.1
"""Seconds of a core in one second: what spins takes all that it is given."""
HANDSHAKE_TIMEOUT = 1.0
MOST_CONNECTIONS = 100
MAX_MESSAGE = 2**20
MESSAGE_BURST = 10_000
HALF_A_FRAME = b"\x81\x85\x00"
"""The header of a text of five bytes, and the first byte of its mask."""

IDLE_TIMEOUT = 1.5
SHUTDOWN_TIMEOUT = 2.0
CLOSE_TIMEOUT = 0.5
PATIENT = {"WEBSOCKET_HEARTBEAT_TIMEOUT": "30", "WEBSOCKET_PING_TIMEOUT": "30", "WEBSOCKET_IDLE_TIMEOUT_SECONDS": "0"}
NO_HEARTBEAT = {"half_closed_kept", "partial_message_kept", "waits_for_the_close_forever"}
"""Defects that the heartbeat makes good after a while."""

LIVE_CHECKS: dict[str, Callable[[RunningServer, Connect], bool]] = {
    "accepts_unmasked_frames": refuses_what_has_no_mask,
    "fragments_counted_as_messages": counts_no_message_that_was_only_begun,
    "resets_counted_as_dead": counts_no_reset_as_dead,
    "dies_of_bad_utf8": outlives_what_is_no_text,
    "dies_of_a_reset": outlives_a_reset_client,
    "flood_cut_in_silence": says_that_it_is_a_flood,
    "half_made_requests_take_places": serves_beside_half_requests,
    "idle_loop_dies_of_an_error": closes_the_idle_beside_a_reset_client,
    "keep_after_reset": forgets_a_reset_client,
    "no_header_deadline": ends_half_a_request,
    "no_message_size_limit": refuses_what_is_too_big,
    "oversize_closed_with_wrong_code": says_that_it_is_too_big,
    "cut_torn_frames": waits_for_the_rest_of_a_frame,
    "half_closed_kept": ends_who_has_half_closed,
    "helper_inherits_the_listener": goes_whole,
    "keep_half_frames": forgets_who_left_in_mid_frame,
    "partial_message_kept": forgets_who_left_in_mid_message,
    "torn_frame_kept": forgets_who_left_in_mid_frame,
    "shutdown_one_by_one": says_goodbye_to_all_at_once,
    "a_traceback_for_each_place": says_little_while_it_has_no_file,
    "accept_loop_spins": idles_while_it_has_no_file,
    "catches_up_for_ever": idles_after_a_pause,
    "reads_on_at_the_end": idles_behind_who_was_reset,
    "waits_for_room_behind_the_end": ends_what_waits_for_room,
    "writes_again_at_once": idles_while_a_client_takes_nothing,
    "shutdown_waits_for_the_reset": goes_down_behind_who_was_reset,
    "shutdown_waits_for_everyone": goes_down_in_time,
    "shutdown_without_close_frames": says_goodbye,
    "waits_for_the_close_forever": ends_who_closes_and_holds_tcp,
    "stops_accepting_after_shortage": takes_newcomers_after_a_shortage,
}


@pytest.mark.parametrize("name", sorted(LIVE_CHECKS))
def test_each_breaks_its_promise_on_a_running_server(name: str, start_server: StartServer, connect: Connect) -> None:
    settings = PATIENT if name in NO_HEARTBEAT else {}
    sound, broken = start_server(**settings), start_server(DEFECT=name, **settings)
    assert LIVE_CHECKS[name](sound, connect), "the check is wrong: a sound server breaks the promise"
    assert not LIVE_CHECKS[name](broken, connect), "the defect breaks nothing"


def test_every_defect_has_a_check() -> None:
    assert {*UNIT_CHECKS, *LIVE_CHECKS} == set(NAMES)
