"""This machine as a place: what is started there is found, told, and ended for certain."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import ToolMissing
from chaos.runtime.host import HostPlace
from chaos.runtime.owner import OWNER_VARIABLE, Owner

SLEEP = [sys.executable, "-I", "-S", "-c", "import time; print('up', flush=True); time.sleep(600)"]
ENDED_WITHIN = 10.0
"""Seconds; a SIGKILL takes some milliseconds."""


@pytest.fixture
def place() -> Iterator[HostPlace]:
    place = HostPlace(owner=Owner.current(), deployment="d")
    yield place
    place.close()


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"]}


def wait_for(text: str, log: Path) -> str:
    deadline = time.monotonic() + ENDED_WITHIN
    while not (log.exists() and text in log.read_text()):
        assert time.monotonic() < deadline, log.read_text() if log.exists() else "no log"
    return log.read_text()


def gone(pid: int) -> bool:
    """Whether it ended; a zombie that nobody has waited for yet has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until_gone(pid: int) -> None:
    deadline = time.monotonic() + ENDED_WITHIN
    while not gone(pid):
        assert time.monotonic() < deadline


def test_a_process_has_the_environment_it_was_given_and_the_owners_mark(place: HostPlace, tmp_path: Path) -> None:
    show = [sys.executable, "-I", "-S", "-c", "import os; print(*sorted(f'{k}={v}' for k, v in os.environ.items()))"]
    process = place.spawn(show, name="show", env={**environment(), "COLOUR": "red"}, log=tmp_path / "log")
    assert process.wait(ENDED_WITHIN) == 0
    (line,) = process.log_tail()
    names = [item.partition("=")[0] for item in line.split() if "=" in item]
    assert set(names) - {"LC_CTYPE"} == {"CHAOS_DEPLOYMENT", "CHAOS_OWNER", "COLOUR", "PATH"}
    assert "COLOUR=red" in line


def test_its_pid_is_the_programs_own_and_signals_are_as_at_birth(place: HostPlace, tmp_path: Path) -> None:
    code = "import os, signal; print(os.getpid(), signal.getsignal(signal.SIGINT) == signal.default_int_handler)"
    process = place.spawn([sys.executable, "-c", code], name="a", env=environment(), log=tmp_path / "log")
    assert process.wait(ENDED_WITHIN) == 0
    assert process.log_tail() == [f"{process.pid} True"]
    ignored = place.spawn(["grep", "SigIgn", "/proc/self/status"], name="b", env=environment(), log=tmp_path / "b")
    assert ignored.wait(ENDED_WITHIN) == 0
    # Of the signals that have names: the first of the real-time ones is the C library's own, and no program's to set.
    assert int(ignored.log_tail()[0].split()[1], 16) & 0x7FFF_FFFF == 0


def test_exit_codes(place: HostPlace, tmp_path: Path) -> None:
    failing = place.spawn(["sh", "-c", "exit 7"], name="f", env=environment(), log=tmp_path / "log")
    assert failing.wait(ENDED_WITHIN) == 7
    sleeping = place.spawn(SLEEP, name="s", env=environment(), log=tmp_path / "log")
    assert sleeping.wait(0) is None
    sleeping.kill()
    assert sleeping.wait(0) == -signal.SIGKILL
    sleeping.kill()


def test_a_command_that_is_not_there(place: HostPlace, tmp_path: Path) -> None:
    with pytest.raises(ToolMissing) as caught:
        place.spawn(["no-such-program"], name="x", env=environment(), log=tmp_path / "log")
    assert str(caught.value) == (
        "command not found: 'no-such-program' is not on PATH; install it or correct the command"
    )
    with pytest.raises(ToolMissing) as caught:
        place.spawn(["./run.sh"], name="x", env=environment(), log=tmp_path / "log", cwd=tmp_path)
    assert str(caught.value) == f"command not found: './run.sh' is not in {tmp_path}; install it or correct the command"


def test_kill_ends_also_what_left_the_group(place: HostPlace, tmp_path: Path) -> None:
    code = f"import subprocess; print(subprocess.Popen({SLEEP!r}, start_new_session=True).pid, flush=True)"
    process = place.spawn(
        [sys.executable, "-c", code + "; import time; time.sleep(600)"],
        name="parent",
        env=environment(),
        log=tmp_path / "log",
    )
    pid = int(wait_for("up", tmp_path / "log").split("\n")[0])
    process.kill()
    assert gone(pid)
    assert gone(process.pid)


def test_kill_spares_the_places_other_processes(place: HostPlace, tmp_path: Path) -> None:
    first = place.spawn(SLEEP, name="twin", env=environment(), log=tmp_path / "log")
    second = place.spawn(SLEEP, name="twin", env=environment(), log=tmp_path / "log")
    first.kill()
    assert second.wait(0) is None


def test_what_a_thread_started_outlives_the_thread(place: HostPlace, tmp_path: Path) -> None:
    started = []

    def spawn() -> None:
        started.append(place.spawn(SLEEP, name="s", env=environment(), log=tmp_path / "log"))
        wait_for("up", tmp_path / "log")  # from here on the kernel knows what to kill it with

    thread = threading.Thread(target=spawn)
    thread.start()
    thread.join()
    # SIGKILL takes effect within milliseconds of the thread's end.
    assert started[0].wait(0.2) is None


def test_nothing_outlives_an_owner_that_is_killed(tmp_path: Path) -> None:
    code = textwrap.dedent(
        f"""
        import os, pathlib, time
        from chaos.runtime.host import HostPlace
        from chaos.runtime.owner import Owner
        place = HostPlace(owner=Owner.current(), deployment="d")
        log = pathlib.Path({str(tmp_path / "log")!r})
        print(place.spawn({SLEEP!r}, name="s", env=dict(os.environ), log=log).pid, flush=True)
        time.sleep(600)
        """
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        wait_for("up", tmp_path / "log")
        assert not gone(pid)
        owner.kill()
    wait_until_gone(pid)


def test_close_ends_everything(tmp_path: Path) -> None:
    place = HostPlace(owner=Owner.current(), deployment="d")
    processes = [place.spawn(SLEEP, name=str(n), env=environment(), log=tmp_path / "log") for n in range(3)]
    place.close()
    assert [process.wait(0) for process in processes] == [-signal.SIGKILL] * 3


def test_the_owners_mark_is_this_processes_token(tmp_path: Path) -> None:
    owner = Owner.current()
    place = HostPlace(owner=owner, deployment="d")
    try:
        process = place.spawn(SLEEP, name="s", env=environment(), log=tmp_path / "log")
        wait_for("up", tmp_path / "log")
        marks = Path(f"/proc/{process.pid}/environ").read_text().split("\0")
        assert f"{OWNER_VARIABLE}={owner.token}" in marks
        assert "CHAOS_DEPLOYMENT=d/s.0" in marks
    finally:
        place.close()
