"""What the agent starts, in every kind of isolation."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from signal import Signals

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation
from chaos.agent.processes import read_stat
from chaos.errors import AgentError

from .support import DEADLINE, assert_gone, exchange, identities, port_for, start_echo, start_tree, wait_until

PYTHON = [sys.executable, "-I", "-S", "-c"]


def run(client: AgentClient, directory: Path, code: str, *, name: str = "it", **options: object) -> str:
    """Run Python code to its end; what it printed."""
    log = directory / f"{name}.log"
    process = client.spawn([*PYTHON, code], name=name, log=log, **options)  # type: ignore[arg-type]
    assert client.wait(process.pid, timeout=DEADLINE) == 0, log.read_text()
    return log.read_text()


def test_the_pid_is_the_one_that_proc_shows(client: AgentClient, agent: AgentProcess, directory: Path) -> None:
    server = start_echo(client, directory, port=port_for(agent.isolation))
    arguments = Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0")
    assert b"echo_server.py" in arguments[3]
    (identity,) = identities([server.pid])
    assert server.started == identity.started
    assert server.exit_code is None
    assert client.spawned() == [server]


def test_it_gets_its_arguments_directory_environment_and_nothing_else(
    client: AgentClient, agent: AgentProcess, directory: Path
) -> None:
    code = "import os; print(os.getcwd(), sorted(os.environ.items()), sorted(os.listdir('/proc/self/fd')), sep='\\n')"
    printed = run(client, directory, code, cwd=directory, env={"A": "ö", "LC_ALL": "C.UTF-8"})
    cwd, environment, fds = printed.splitlines()
    assert cwd == str(directory)
    marks = [("A", "ö"), ("CHAOS_AGENT", agent.token), ("CHAOS_OWNER", "test"), ("LC_ALL", "C.UTF-8")]
    assert environment == str(marks)
    assert fds == "['0', '1', '2', '3']", "3 is the listing's own"


def test_without_an_environment_of_its_own_it_has_the_agent_s(client: AgentClient, directory: Path) -> None:
    assert run(client, directory, "import os; print(os.environ['PATH'])").strip() == os.environ["PATH"]


def test_it_leads_a_session_and_reads_nothing(client: AgentClient, directory: Path) -> None:
    code = "import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()))"
    assert run(client, directory, code) == "True ''\n"


def test_signals_have_their_usual_effect_in_it(client: AgentClient, directory: Path) -> None:
    """Neither the agent's handlers nor what the Python interpreter ignores is inherited."""
    printed = run(client, directory, "print(open('/proc/self/status').read())")
    masks = dict(re.findall(r"(Sig(?:Blk|Ign)):\s+(\w+)", printed))
    python_itself_ignores = {signal.SIGPIPE, signal.SIGXFSZ}
    assert int(masks["SigBlk"], 16) == 0
    usual = (1 << 31) - 1  # the C library's posix_spawn ignores its own two, 32 and 33, until they are needed
    assert int(masks["SigIgn"], 16) & usual == sum(1 << (number - 1) for number in python_itself_ignores)
    log = directory / "yes.log"
    process = client.spawn(["sh", "-c", "kill -PIPE $$; echo survived"], name="sh", log=log)
    assert client.wait(process.pid, timeout=DEADLINE) == -signal.SIGPIPE
    assert log.read_text() == ""


def test_what_its_surroundings_ignore_is_not_ignored_in_it(isolation: Isolation, directory: Path) -> None:
    """As after nohup, or in the background of a shell without job control."""
    ignored = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    try:
        with (
            launch_agent(socket=directory / "agent.sock", isolation=isolation, owner="test") as agent,
            agent.client() as client,
        ):
            process = client.spawn(["sleep", "600"], name="sleep", log=directory / "sleep.log")
            (masks,) = re.findall(r"SigIgn:\s+(\w+)", Path(f"/proc/{process.pid}/status").read_text())
    finally:
        for number, handler in zip(ignored, before, strict=True):
            signal.signal(number, handler)
    assert not any(int(masks, 16) >> (number - 1) & 1 for number in ignored)


def test_both_outputs_are_appended_to_the_log(client: AgentClient, directory: Path) -> None:
    (directory / "it.log").write_text("before\n")
    code = "import sys; print('out', flush=True); print('err', file=sys.stderr)"
    assert run(client, directory, code) == "before\nout\nerr\n"


@pytest.mark.parametrize(("ending", "exit_code"), [("exit 0", 0), ("exit 77", 77), ("kill -9 $$", -9)])
def test_exit_codes_are_kept(client: AgentClient, directory: Path, ending: str, exit_code: int) -> None:
    process = client.spawn(["sh", "-c", ending], name="sh", log=directory / "log")
    assert client.wait(process.pid, timeout=DEADLINE) == exit_code
    assert client.wait(process.pid, timeout=0) == exit_code, "it can be asked for again"
    assert [(found.pid, found.exit_code) for found in client.spawned()] == [(process.pid, exit_code)]


def test_waiting_has_a_time_out(client: AgentClient, directory: Path) -> None:
    process = client.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
    assert client.wait(process.pid, timeout=0.05) is None


def test_many_short_ones_all_have_their_exit_code(client: AgentClient, directory: Path) -> None:
    pids = [
        client.spawn(["sh", "-c", f"exit {code}"], name=f"n{code}", log=directory / "log").pid for code in range(40)
    ]
    assert [client.wait(pid, timeout=DEADLINE) for pid in pids] == list(range(40))


def test_orphans_are_buried_and_take_no_exit_code_along(
    client: AgentClient, agent: AgentProcess, directory: Path
) -> None:
    process = client.spawn(["sh", "-c", "(sleep 0.05 & sleep 0.02 &); exit 5"], name="sh", log=directory / "log")
    assert client.wait(process.pid, timeout=DEADLINE) == 5

    def children() -> list[int]:
        return [pid for pid in map(int, filter(str.isdigit, os.listdir("/proc"))) if _parent(pid) == agent.pid]

    wait_until(lambda: children() == [], "the agent has neither children nor zombies")


def test_waiting_for_a_stranger_is_refused(client: AgentClient, agent: AgentProcess, directory: Path) -> None:
    process = client.spawn(["sleep", "1000"], name="sleep", log=directory / "log")
    with pytest.raises(AgentError) as caught:
        client.wait(agent.pid)
    assert str(caught.value) == (
        f"pid {agent.pid} was not spawned by this agent, so it cannot wait for it; it spawned {process.pid} (sleep)"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"argv": ["no-such-program"]}, "cannot start x: no-such-program: No such file or directory"),
        ({"argv": ["/proc/self/status"]}, "cannot start x: /proc/self/status: Permission denied"),
        ({"cwd": Path("/none")}, "cannot start x: /none: No such file or directory"),
        ({"log": Path("/none/log")}, "cannot open the log /none/log: No such file or directory"),
    ],
)
def test_what_cannot_be_started_says_why_and_leaves_no_record(
    client: AgentClient, directory: Path, options: dict[str, object], message: str
) -> None:
    given = {"argv": ["sleep", "1000"], "name": "x", "log": directory / "log", **options}
    with pytest.raises(AgentError) as caught:
        client.spawn(**given)  # type: ignore[arg-type]
    assert str(caught.value) == message
    assert client.spawned() == []


def test_a_name_belongs_to_one_living_process(client: AgentClient, directory: Path) -> None:
    first = client.spawn(["sleep", "1000"], name="server", log=directory / "log")
    with pytest.raises(AgentError) as caught:
        client.spawn(["sleep", "1000"], name="server", log=directory / "log")
    assert str(caught.value) == (
        f"a process named 'server' runs already (pid {first.pid}); end it first or take another name"
    )
    client.signal([first.pid], Signals.SIGKILL)
    client.wait(first.pid, timeout=DEADLINE)
    second = client.spawn(["sleep", "1000"], name="server", log=directory / "log")
    assert [(found.pid, found.exit_code) for found in client.spawned()] == [(first.pid, -9), (second.pid, None)]


def test_the_owner_of_a_port_is_found(client: AgentClient, agent: AgentProcess, directory: Path) -> None:
    port = port_for(agent.isolation)
    assert client.listen_pids(port) == []
    server = start_echo(client, directory, port=port)
    assert client.listen_pids(port) == [server.pid]


def test_a_stop_reaches_the_whole_tree(client: AgentClient, directory: Path) -> None:
    members = start_tree(client, directory)
    root = members[-1].pid
    below = client.tree(root)
    assert below[0] == root
    assert len(below) == 2, "the third has daemonised and is no descendant any more"
    assert sorted(client.signal([root], Signals.SIGSTOP, tree=True)) == sorted(below)
    assert [_state(pid) for pid in below] == ["T", "T"]
    client.signal([root], Signals.SIGCONT, tree=True)
    wait_until(lambda: [_state(pid) for pid in below] == ["S", "S"], "both go on")
    assert sorted(client.signal([root], Signals.SIGKILL, tree=True)) == sorted(below)
    assert_gone([member for member in members if member.pid in below])


def test_a_stopped_server_does_not_answer_any_more(client: AgentClient, agent: AgentProcess, directory: Path) -> None:
    """Not even once, from a thread that had not noticed: stopping waits for all threads."""
    port = port_for(agent.isolation)
    server = start_echo(client, directory, port=port)
    with ExitStack() as stack:
        connections = [stack.enter_context(client.connect("127.0.0.1", port)) for _ in range(20)]
        for connection in connections:
            exchange(connection)
        client.signal([server.pid], Signals.SIGSTOP)
        for connection in connections:
            connection.sendall(b"x")
        received = client.sockets(port)
        waiting = [info.rqueue for info in received if info.side == "local" and info.state == "ESTABLISHED"]
        assert waiting == [1] * 20
        client.signal([server.pid], Signals.SIGCONT)
        assert [connection.recv(1) for connection in connections] == [b"x"] * 20


def test_signalling_the_dead_reaches_nobody(client: AgentClient, directory: Path) -> None:
    process = client.spawn(["true"], name="true", log=directory / "log")
    client.wait(process.pid, timeout=DEADLINE)
    assert client.signal([process.pid], Signals.SIGTERM) == []


def test_it_does_not_signal_itself_or_those_above(client: AgentClient, agent: AgentProcess) -> None:
    for pid in (agent.pid, os.getpid()):
        with pytest.raises(AgentError) as caught:
            client.signal([pid], Signals.SIGTERM)
        assert str(caught.value) == f"pid {pid} is the agent itself or above it; it does not send itself SIGTERM"


def test_an_unknown_signal_is_answered_with_the_nearest(client: AgentClient) -> None:
    with pytest.raises(AgentError) as caught:
        client.call("signal", pids=[12345], signal="SIGSOP")
    assert str(caught.value) == (
        "signal: signal is a signal's number or name such as SIGTERM; did you mean 'SIGSTOP'?; found 'SIGSOP'"
    )


def test_a_process_outside_its_pid_namespace_is_out_of_reach(
    hermetic_client: AgentClient, hermetic_agent: AgentProcess
) -> None:
    namespace = os.readlink(f"/proc/{hermetic_agent.pid}/ns/pid")
    with subprocess.Popen(["sleep", "1000"]) as outside:
        with pytest.raises(AgentError) as caught:
            hermetic_client.signal([outside.pid], Signals.SIGTERM)
        outside.kill()
    assert str(caught.value) == (
        f"pid {outside.pid} is outside the agent's pid namespace ({namespace}), "
        "so the agent cannot signal it; signal what the agent spawned"
    )


def _parent(pid: int) -> int:
    stat = read_stat(pid)
    return stat.parent if stat is not None else 0


def _state(pid: int) -> str:
    stat = read_stat(pid)
    return stat.state if stat is not None else "gone"
