"""Starting and ending an agent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation, Kind, probe_isolation
from chaos.errors import AgentError

from .support import DEADLINE, HERE, assert_gone, identity_of, start_tree

PLAIN = Isolation(Kind.PLAIN)


def test_a_launched_agent_answers_at_once(agent: AgentProcess) -> None:
    assert agent.alive()
    with agent.client() as client:
        assert client.hello().pid == agent.pid


def test_its_start_takes_little_more_than_an_interpreter_with_asyncio(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """0.07 s in a namespace of its own, where the interpreter and asyncio take 0.05 s; the figures are printed."""
    isolation = probe_isolation().isolation
    bare, full = [], []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-S", "-c", "import asyncio"], check=True)
        bare.append(time.perf_counter() - began)
        began = time.perf_counter()
        agent = launch_agent(socket=directory / "agent.sock", isolation=isolation)
        full.append(time.perf_counter() - began)
        agent.close()
    with capsys.disabled():
        print(f"\nstart of the agent: {median(full) * 1e3:.0f} ms; import asyncio alone: {median(bare) * 1e3:.0f} ms")
    # The quickest of each: the others may have met something else on the machine.
    assert min(full) < 3 * min(bare)


def test_a_path_too_long_for_a_socket_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(AgentError, match=r"^the agent's socket path has \d+ bytes and a unix socket's may have 107: "):
        launch_agent(socket=tmp_path / ("x" * 100), isolation=PLAIN)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(AgentError, match=r"a unix socket's may have 107"):
        AgentClient(tmp_path / ("x" * 100))


def test_two_agents_do_not_share_a_socket(directory: Path) -> None:
    path = directory / "agent.sock"
    with launch_agent(socket=path, isolation=PLAIN) as first:
        with pytest.raises(AgentError) as caught:
            launch_agent(socket=path, isolation=PLAIN, log=directory / "second.log")
        assert str(caught.value) == (
            "the agent did not start; its log ends with: "
            f"chaos.agent: another agent listens on {path}; give every agent a socket of its own"
        )
        with first.client() as client:
            assert client.spawned() == []


def test_an_interpreter_that_is_none_is_told(directory: Path) -> None:
    with pytest.raises(AgentError) as caught:
        launch_agent(socket=directory / "a", isolation=PLAIN, python="/bin/false")
    assert str(caught.value) == f"the agent did not start; its log {directory}/a.log is empty"
    with pytest.raises(AgentError) as caught:
        launch_agent(socket=directory / "a", isolation=PLAIN, python="/none/python")
    assert str(caught.value) == "the agent cannot be started: /none/python: No such file or directory"


def test_one_that_does_not_get_ready_is_killed(directory: Path) -> None:
    silent = directory / "silent"
    silent.write_text("#!/bin/sh\nexec sleep 1000\n")
    silent.chmod(0o755)
    with pytest.raises(AgentError, match=r"^the agent was not ready within 0\.1 s; its log .* is empty$"):
        launch_agent(socket=directory / "a", isolation=PLAIN, python=str(silent), ready_within=0.1)


def test_one_that_hangs_is_killed_with_everything_it_spawned(
    agent: AgentProcess, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with agent.client() as client:
        everything = [*start_tree(client, directory), identity_of(agent)]
    os.kill(agent.pid, signal.SIGSTOP)
    monkeypatch.setattr("chaos.agent.hermetic._END_WITHIN", 0.2)
    agent.close()
    # Killed it has no environment any more, by which it would be found, and may not have come to its end.
    assert_gone(everything)


def test_without_an_agent_the_client_says_so(directory: Path) -> None:
    with pytest.raises(AgentError) as caught:
        AgentClient(directory / "none")
    assert str(caught.value) == f"no agent answers on {directory}/none: No such file or directory; its log says why"


@pytest.mark.parametrize(("arguments", "message"), [([], "the following arguments are required: --socket")])
def test_by_hand_it_explains_itself(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "chaos.agent", *arguments],
        capture_output=True,
        text=True,
        cwd=HERE.parents[2],
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr


def test_the_agent_needs_nothing_but_the_standard_library() -> None:
    """Neither site-packages nor anything of ours above the lowest floor."""
    script = (
        f"import sys; sys.path.insert(0, {str(HERE.parents[2])!r})\n"
        "import chaos.agent.__main__, chaos.journal\n"
        "allowed = ('chaos', 'chaos.errors', 'chaos.capability', 'chaos.unix_listener')\n"
        "bad = [name for name in sys.modules if name.partition('.')[0] == 'chaos' and name not in allowed\n"
        "       and not name.startswith(('chaos.agent', 'chaos.journal'))]\n"
        "foreign = [name for name in sys.modules if name.partition('.')[0] not in sys.stdlib_module_names\n"
        "           and name.partition('.')[0] not in ('chaos', '__main__')]\n"
        "print(bad, foreign)\n"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[] []\n"
