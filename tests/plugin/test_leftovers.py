"""The check that nothing is left sees each kind of thing that could be: one is left on purpose, and removed."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.agent.orphans import remove_table
from chaos.errors import EngineUnavailable
from chaos.runtime.engine import Engine, connect, find_engine
from chaos.runtime.environment import own_environment
from chaos.runtime.owned import OWNER_LABEL
from chaos.runtime.owner import OWNER_VARIABLE, Owner
from chaos.runtime.state import StateDirectory
from tests.leftovers import Unmarked, leftovers, unmarked

SLEEP = ["sleep", "600"]


@pytest.fixture
def dead() -> Owner:
    """The owner that a process was which has ended."""
    program = "from chaos.runtime.owner import Owner; print(Owner.current().token)"
    done = subprocess.run(
        [sys.executable, "-c", program], env=own_environment(), capture_output=True, text=True, check=True
    )
    owner = Owner.parse(done.stdout.strip())
    assert owner is not None
    assert leftovers(owner.pid) == []
    return owner


@pytest.fixture
def engine() -> Engine:
    try:
        return find_engine()
    except EngineUnavailable as error:
        pytest.skip(str(error))


@contextlib.contextmanager
def running(argv: list[str], *, environment: dict[str, str], becoming: list[str] | None = None) -> Iterator[int]:
    """A process, once it has become its program, or the one that this becomes in turn; its pid."""
    program = (becoming or argv)[0].encode()
    process = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")[0] != program:
            time.sleep(0.001)  # not there yet; bounded by pytest-timeout
        yield process.pid
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize(
    "argv", [SLEEP, [sys.executable, "-m", "chaos.links.embedded", "--port", "0"]], ids=["process", "proxy"]
)
def test_a_process(argv: list[str], dead: Owner) -> None:
    with running(argv, environment={**own_environment(), OWNER_VARIABLE: dead.token}) as pid:
        assert leftovers(dead.pid) == [f"process {pid}: {' '.join(argv)} "]
    assert leftovers(dead.pid) == []


def test_a_temporary_directory(dead: Owner) -> None:
    state = StateDirectory(dead)
    state.make()
    try:
        assert leftovers(dead.pid) == [f"directory {state.path}"]
    finally:
        state.remove()


def test_a_container_and_a_network(engine: Engine, dead: Owner) -> None:
    labels = {OWNER_LABEL: dead.token}
    name = f"chaos-left-{secrets.token_hex(4)}"
    with contextlib.closing(connect(engine)) as client, contextlib.ExitStack() as stack:
        network = client.networks.create(name, labels=labels)
        stack.callback(network.remove)
        container = client.containers.create(engine.python_image, name=name, labels=labels)
        stack.callback(container.remove)
        assert leftovers(dead.pid) == [f"container {name}", f"network {name}"]


def test_a_table_of_packet_rules() -> None:
    if os.geteuid() != 0 or shutil.which("nft") is None:
        pytest.skip("takes root and nft")
    owner = Owner.current()
    token = secrets.token_hex(6)
    waiting = [sys.executable, "-c", "import time; time.sleep(600)"]
    agent = [*waiting, "chaos/agent/__main__.py", "--socket", "none", "--token", token]
    with running(agent, environment={**os.environ, OWNER_VARIABLE: owner.token}):
        noted = unmarked(owner.pid)
    assert noted.left() == []
    for table in (f"chaos_{token}", f"chaos_{token}_probe"):
        subprocess.run(["nft", "add", "table", "inet", table], check=True)  # an empty one: it touches no packet
        try:
            assert noted.left() == [f"packet rules {table}"]
        finally:
            remove_table(table)


@pytest.mark.parametrize("holder", ["process without a mark", "mount"])
def test_a_namespace(holder: str, tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("takes root")
    owner = Owner.current()
    with contextlib.ExitStack() as holding:
        marked = {**os.environ, OWNER_VARIABLE: owner.token}
        with running(["unshare", "--net", *SLEEP], becoming=SLEEP, environment=marked) as pid:
            (name,) = unmarked(owner.pid).namespaces
            assert name == os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
            if holder == "mount":
                mounted = tmp_path / "namespace"
                mounted.touch()
                subprocess.run(["mount", "--bind", f"/proc/{pid}/ns/net", mounted], check=True)
                holding.callback(subprocess.run, ["umount", mounted], check=True)
                by = f"mounted on {mounted}"
            else:
                join = ["nsenter", f"--net=/proc/{pid}/ns/net", *SLEEP]
                other = holding.enter_context(running(join, becoming=SLEEP, environment={}))
                by = f"of process {other}, started at "
            noted = unmarked(owner.pid)
        assert leftovers(owner.pid) == []
        (left,) = noted.left()
        assert left.startswith(f"namespace {name} {by}")
    assert noted.left() == []


def test_a_namespace_whose_number_is_anothers_now_is_none() -> None:
    other = Unmarked(
        tables=frozenset(),
        groups=frozenset(),
        holders=frozenset({f"namespace {os.readlink('/proc/self/ns/net')} of process 1"}),
    )
    assert other.left() == []
