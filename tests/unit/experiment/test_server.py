"""The server in a scenario's hands: restarted, asked to end, found dead."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from chaos.conditions import ConnectionsAtLeast
from chaos.errors import ChaosError, PortTaken, StartFailed, TargetDied, TargetFailure
from chaos.journal import Logged, ServerEvent, StartTried, read_journal
from tests.unit.experiment.scripted import VIEW, Machine, Make, Scripted


def noted(made: Scripted) -> list[tuple[str, int, int | None, str]]:
    events = read_journal(made.directory).of(ServerEvent)
    return [(event.what, event.pid, event.exit_code, event.detail) for event in events]


async def test_a_server_that_runs_is_not_restarted(make: Make) -> None:
    made = make()
    await made.experiment.restart_server()
    assert (made.machine.done, made.remote.calls) == ([], [])
    assert not made.experiment.ended_on_purpose


async def test_how_much_it_has_logged_is_noted_with_the_end_of_it(make: Make) -> None:
    made = make(machine=Machine(log=["a line"] * 9, log_size=63))
    assert await made.experiment.note_logged()
    (noted_once,) = (await made.experiment.record()).journal.of(Logged)
    assert (noted_once.size, noted_once.said) == (63, ("a line",) * 5)


async def test_what_a_server_logs_that_is_not_ours_is_not_known(make: Make) -> None:
    made = make(machine=Machine(log_size=None))
    assert not await made.experiment.note_logged()
    assert (await made.experiment.record()).journal.of(Logged) == []


async def test_a_server_that_ended_is_started_again_and_the_conductor_is_told(make: Make) -> None:
    made = make(machine=Machine(runs=False))
    before = time.monotonic()
    began = await made.experiment.restart_server()
    assert before <= began <= time.monotonic()
    assert made.machine.done == ["start"]
    assert made.remote.calls == [("server_changed", VIEW)]
    assert noted(made) == [("starting", 0, None, ""), ("started", 7, None, "")]
    assert made.experiment.ended_on_purpose
    assert made.experiment.spoiled


async def test_a_server_that_does_not_start_again_is_left_to_the_judges(make: Make) -> None:
    class Broken(Machine):
        def start(self, *, environment: Mapping[str, str] | None = None) -> None:
            raise StartFailed("the port is taken")

    made = make(machine=Broken(runs=False))
    before = made.experiment.now()
    assert await made.experiment.restart_server() >= before
    assert [(what, detail) for what, _, _, detail in noted(made)] == [
        ("starting", ""),
        ("not started", "the port is taken"),
    ]
    assert made.experiment.spoiled


async def test_a_server_is_asked_to_end_and_its_exit_code_is_noted(make: Make) -> None:
    made = make(machine=Machine(stopping=lambda: 3))
    began = time.monotonic()
    await made.experiment.terminate_server(within=2.5)
    assert made.remote.calls == [("leave_alone",)]
    assert made.machine.done == ["SIGTERM within 2.5s"]
    assert noted(made) == [("asked to stop", 7, None, "SIGTERM"), ("exited", 7, 3, "")]
    asked = read_journal(made.directory).of(ServerEvent)[0]
    assert began <= asked.begun_at < asked.at
    assert made.experiment.ended_on_purpose
    assert made.experiment.spoiled


async def test_what_is_to_be_done_when_the_server_was_told_is_done_before_it_has_ended(make: Make) -> None:
    done: list[str] = []
    ending = threading.Event()

    def stopping() -> int:
        assert ending.wait(10.0)
        done.append("ended")
        return 0

    async def then() -> None:
        done.append(noted(made)[-1][0])
        ending.set()

    made = make(machine=Machine(stopping=stopping))
    await made.experiment.terminate_server(within=2.5, then=then)
    assert done == ["asked to stop", "ended"]


async def test_a_server_is_started_again_with_other_settings(make: Make) -> None:
    made = make()
    await made.experiment.restart_server_with({"LIMIT": "10", "TIMEOUT": "1"})
    assert made.machine.done == ["kill", "start with {'LIMIT': '10', 'TIMEOUT': '1'}"]
    # Its statistics are left alone before it ends, and an untouched client is inside again before anything is done.
    assert made.remote.calls == [
        ("leave_alone",),
        ("server_changed", VIEW),
        ("wait_until", ConnectionsAtLeast(1), made.experiment.patience),
    ]
    assert noted(made) == [
        ("asked to stop", 7, None, "SIGKILL"),
        ("starting", 0, None, "LIMIT=10 TIMEOUT=1"),
        ("started", 7, None, ""),
    ]
    assert made.experiment.spoiled
    assert made.experiment.ended_on_purpose


class Choosy(Machine):
    """Ends at one value, hangs at another, and takes the rest."""

    def start(self, *, environment: Mapping[str, str] | None = None) -> None:
        super().start(environment=environment)
        ((name, value),) = (environment or {}).items()
        self.code, self.log = None, [f"{name} is {value}"]
        if value == "bad":
            self.runs, self.code = False, 2
            raise TargetDied("it ended")
        if value == "worse":
            raise StartFailed("it is not healthy")

    def kill(self) -> None:
        super().kill()
        self.code = -9


async def test_what_became_of_each_start_is_noted_and_none_stays(make: Make) -> None:
    made = make(machine=Choosy())
    await made.experiment.try_settings({"LIMIT": ("bad", "worse"), "TIMEOUT": ("good",)})
    tried = read_journal(made.directory).of(StartTried)
    assert [(each.variable, each.value, each.became, each.exit_code, each.said) for each in tried] == [
        ("LIMIT", "bad", "ended", 2, ("LIMIT is bad",)),
        ("LIMIT", "worse", "neither", None, ("LIMIT is worse",)),
        ("TIMEOUT", "good", "healthy", None, ("TIMEOUT is good",)),
    ]
    assert all(each.began <= each.at for each in tried)
    assert made.machine.done == [
        "kill",
        "start with {'LIMIT': 'bad'}",
        "start with {'LIMIT': 'worse'}",
        "kill",
        "start with {'TIMEOUT': 'good'}",
        "kill",
    ]
    assert not made.machine.runs
    assert made.experiment.died_unasked() is None


async def test_a_start_that_could_not_be_tried_is_an_error(make: Make) -> None:
    class Broken(Machine):
        def start(self, *, environment: Mapping[str, str] | None = None) -> None:
            raise PortTaken("the port is taken")

    made = make(machine=Broken(runs=False))
    with pytest.raises(PortTaken, match=r"^the port is taken$"):
        await made.experiment.try_settings({"LIMIT": ("bad",)})
    assert made.experiment.spoiled


class SlowEngine(Machine):
    """A process behind an engine that takes its time to pass a signal on, and to notice an end."""

    CALL = 0.2
    """Seconds: far above what the kernel's word is late by, so that a stamp behind the call shows."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        super().__init__()
        self.process = process
        self.signalled = self.noticed = 0.0

    def root_pids(self) -> tuple[int, ...]:
        return (self.process.pid,)

    def stop(
        self, *, sig: signal.Signals = signal.SIGTERM, timeout: float, sent: Callable[[], None] = lambda: None
    ) -> int:
        time.sleep(self.CALL)
        self.signalled = time.monotonic()
        sent()
        self.process.send_signal(sig)
        code = self.process.wait(timeout)
        time.sleep(self.CALL)
        self.noticed = time.monotonic()
        return code


@pytest.fixture
def process() -> Iterator[subprocess.Popen[bytes]]:
    """One that ends when it is told to."""
    with subprocess.Popen(["sleep", "60"]) as started:
        yield started
        started.kill()


async def test_what_the_engine_takes_is_not_the_servers_time(make: Make, process: subprocess.Popen[bytes]) -> None:
    machine = SlowEngine(process)
    made = make(machine=machine)
    await made.experiment.terminate_server(within=10.0)
    asked, exited = read_journal(made.directory).of(ServerEvent)
    assert (asked.what, exited.what, exited.exit_code) == ("asked to stop", "exited", -signal.SIGTERM)
    assert asked.at >= machine.signalled
    assert asked.at <= exited.at <= machine.noticed - machine.CALL / 2


async def test_a_process_out_of_sight_has_ended_when_its_engine_says_so(
    make: Make, process: subprocess.Popen[bytes]
) -> None:
    """It may be another machine's: the engine's word is all there is, and its call is in the figure."""

    class Elsewhere(SlowEngine):
        def root_pids(self) -> tuple[int, ...]:
            return ()

    machine = Elsewhere(process)
    made = make(machine=machine)
    await made.experiment.terminate_server(within=10.0)
    _, exited = read_journal(made.directory).of(ServerEvent)
    assert (exited.pid, exited.at >= machine.noticed) == (0, True)


async def test_a_server_that_does_not_end_is_noted_and_left_to_the_judges(make: Make) -> None:
    def overdue() -> int:
        raise TargetFailure("it still runs after 2.5s")

    made = make(machine=Machine(stopping=overdue))
    await made.experiment.terminate_server(within=2.5)
    assert noted(made)[1] == ("still running", 7, None, "it still runs after 2.5s")


@pytest.mark.parametrize(
    ("code", "words"),
    [(3, "with exit code 3"), (0, "with exit code 0"), (-11, "killed by signal 11")],
)
def test_a_server_that_died_says_how(make: Make, code: int, words: str) -> None:
    made = make(machine=Machine(runs=False, code=code, log=["starting", "out of cheese"]))
    assert made.experiment.died_unasked() == (
        f"the server ended in the middle of the scenario, {words}; promised: the server ends only when it is told to\n"
        "starting\nout of cheese"
    )


async def test_a_server_that_lives_or_was_ended_did_not_die(make: Make) -> None:
    made = make()
    assert made.experiment.died_unasked() is None
    await made.experiment.terminate_server(within=1.0)
    made.machine.runs = False
    assert made.experiment.died_unasked() is None


async def test_a_server_is_started_with_a_clock_of_its_own(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "libfaketime.so.1"
    monkeypatch.setattr("chaos.experiment.experiment.find_clock_library", lambda: library)
    made = make()
    await made.experiment.restart_server_with_a_clock()
    (detail,) = (detail for what, _, _, detail in noted(made) if what == "starting")
    variables = dict(each.split("=", 1) for each in detail.split())
    assert variables["LD_PRELOAD"] == str(library)
    assert Path(variables["FAKETIME_TIMESTAMP_FILE"]).read_text() == "+0.000\n"  # noqa: ASYNC240  # of a few bytes
    assert made.experiment.spoiled


async def test_where_there_is_no_clock_nothing_is_restarted(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.experiment.experiment.find_clock_library", lambda: None)
    made = make()
    with pytest.raises(ChaosError) as caught:
        await made.experiment.restart_server_with_a_clock()
    assert str(caught.value) == (
        "there is no clock to give to the server: mark the scenario with needs(Capability.CLOCK)"
    )
    assert made.machine.done == []
