"""Nothing outlives its owner: each way to end is tried on a tree that does not want to die and has a daemon in it.

Survivors are looked for by pid and start time, so that a reused pid neither hides nor fakes one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.identity import Identity, identify, own_pid
from chaos.agent.isolation import Isolation, Kind
from chaos.agent.orphans import kill_marked
from chaos.agent.processes import processes_with, read_stat

from .support import DEADLINE, HERE, assert_gone, identities, identity_of, start_tree, still_there, wait_until


@pytest.fixture
def family(agent: AgentProcess, client: AgentClient, directory: Path) -> list[Identity]:
    """A tree that the agent spawned, all members of it alive."""
    return start_tree(client, directory)


@pytest.fixture
def plain(directory: Path) -> Iterator[AgentProcess]:
    isolation = Isolation(Kind.PLAIN)
    with launch_agent(socket=directory / "agent.sock", isolation=isolation, owner="mine") as process:
        yield process


def test_closing_ends_everything(agent: AgentProcess, family: list[Identity]) -> None:
    everything = [*family, identity_of(agent)]
    agent.close()
    assert still_there(everything) == []
    assert not agent.socket.exists()
    assert not agent.alive()
    assert agent.log.read_text() == "chaos.agent: ends because its owner closed the control pipe\n"
    agent.close()


def test_sigterm_ends_everything(agent: AgentProcess, family: list[Identity]) -> None:
    os.kill(agent.pid, signal.SIGTERM)
    assert_gone([*family, identity_of(agent)])
    wait_until(lambda: not agent.socket.exists(), "the socket is removed")
    assert agent.log.read_text().strip() == "chaos.agent: ends because it got SIGTERM"


def test_the_agent_s_sigkill_ends_everything_in_a_namespace(
    hermetic_agent: AgentProcess, hermetic_client: AgentClient, directory: Path
) -> None:
    """The kernel kills a pid namespace whose PID 1 ends."""
    family = [*start_tree(hermetic_client, directory), identity_of(hermetic_agent)]
    os.kill(hermetic_agent.pid, signal.SIGKILL)
    assert_gone(family)


def test_unshare_s_sigkill_ends_everything_in_a_namespace(
    hermetic_agent: AgentProcess, hermetic_client: AgentClient, directory: Path
) -> None:
    family = start_tree(hermetic_client, directory)
    stat = read_stat(hermetic_agent.pid)
    assert stat is not None
    assert stat.parent != own_pid()
    family = [*family, *identities([stat.parent]), identity_of(hermetic_agent)]
    os.kill(stat.parent, signal.SIGKILL)
    assert_gone(family)


def test_without_a_namespace_the_agent_s_sigkill_ends_what_it_spawned_and_closing_ends_the_rest(
    plain: AgentProcess, directory: Path
) -> None:
    with plain.client() as client:
        *below, spawned = start_tree(client, directory)
    os.kill(plain.pid, signal.SIGKILL)
    assert_gone([spawned])
    plain.close()
    assert still_there([*below, spawned]) == []


def test_without_a_namespace_the_next_run_finds_what_a_dead_one_left(plain: AgentProcess, directory: Path) -> None:
    with plain.client() as client:
        family = start_tree(client, directory)
    os.kill(plain.pid, signal.SIGKILL)
    assert kill_marked(variable="CHAOS_OWNER", value="someone else", within=DEADLINE) == []
    assert still_there(family[:2]) == [member.pid for member in family[:2]], "another's are left alone"
    assert kill_marked(variable="CHAOS_OWNER", value="mine", within=DEADLINE) == []
    assert_gone(family)


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, "exit"], ids=str)
def test_the_owner_s_death_ends_everything(isolation: Isolation, directory: Path, ending: signal.Signals | str) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.unit.agent.owner", isolation.kind.name, str(directory)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=HERE.parents[2],
    ) as owner:
        assert owner.stdin is not None
        assert owner.stdout is not None
        everything = [Identity(pid=pid, started=started) for pid, started in json.loads(owner.stdout.readline())]
        assert len(still_there(everything)) == 4
        if isinstance(ending, signal.Signals):
            owner.send_signal(ending)
        else:
            owner.stdin.close()
        owner.wait(DEADLINE)
    assert_gone(everything)


def test_an_owner_whose_pipe_another_process_holds_is_missed_too(directory: Path, isolation: Isolation) -> None:
    """A process that the owner forked keeps the control pipe open; the owner's death is seen all the same."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.unit.agent.owner", isolation.kind.name, str(directory), "fork"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=HERE.parents[2],
    ) as owner:
        assert owner.stdout is not None
        *everything, child = (
            Identity(pid=pid, started=started) for pid, started in json.loads(owner.stdout.readline())
        )
        owner.kill()
        owner.wait(DEADLINE)
        assert_gone(everything)
        assert still_there([child]) == [child.pid]
        os.kill(child.pid, signal.SIGKILL)


def test_a_stopped_tree_dies_as_well(agent: AgentProcess, client: AgentClient, family: list[Identity]) -> None:
    client.signal([member.pid for member in family], signal.SIGSTOP)
    agent.close()
    assert still_there(family) == []


def test_a_mother_that_replaces_dead_children_does_not_get_away(plain: AgentProcess, directory: Path) -> None:
    """Whoever kills one after the other finds the first replaced; so all are stopped before any is killed."""
    births = directory / "births"
    with plain.client() as client:
        client.spawn(
            [sys.executable, "-I", "-S", str(HERE / "mother.py"), str(births)], name="mother", log=directory / "log"
        )
        wait_until(lambda: births.exists() and births.read_text().count("\n") == 20, "all children are born")
        client.signal([int(births.read_text().split()[0])], signal.SIGKILL)
        wait_until(lambda: births.read_text().count("\n") == 21, "the dead one is replaced")
    family = processes_with(variable="CHAOS_AGENT", value=plain.token)
    assert len(family) == 22, "the agent, the mother, her children"
    os.kill(plain.pid, signal.SIGTERM)
    assert_gone(family)
    plain.close()
    assert births.read_text().count("\n") == 21, "nobody was born any more"


def test_a_control_pipe_that_is_none_is_refused(directory: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chaos.agent", "--socket", str(directory / "a.sock")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=HERE.parents[2],
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    assert (
        done.stderr == "chaos.agent: the agent's standard input must be a pipe whose other end its owner holds open\n"
    )
    assert not (directory / "a.sock").exists()


def test_an_owner_that_is_gone_already_ends_it_at_once(directory: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "chaos.agent", "--socket", str(directory / "a.sock"), "--owner-pid", str(2**22 + 1)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=HERE.parents[2],
    ) as agent:
        assert agent.wait(DEADLINE) == 0
        assert agent.stderr is not None
        assert agent.stderr.read() == b"chaos.agent: ends because its owner is gone\n"


def test_the_mark_tells_who_is_whose(plain: AgentProcess) -> None:
    environment = Path(f"/proc/{plain.pid}/environ").read_bytes().split(b"\0")
    assert b"CHAOS_OWNER=mine" in environment
    assert f"CHAOS_AGENT={plain.token}".encode() in environment
    assert identify(plain.pid) is not None
