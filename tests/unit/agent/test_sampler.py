"""Samples: what is in one, and that the stream keeps its rate."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from signal import Signals
from statistics import median

import pytest

from chaos.agent.client import AgentClient
from chaos.agent.hermetic import AgentProcess, launch_agent
from chaos.agent.isolation import Isolation, Kind, probe_isolation
from chaos.agent.reading import Reader
from chaos.agent.recorder import Recorder
from chaos.agent.sampler import Plan, Sampler
from chaos.errors import AgentError
from chaos.journal import Journal, Note, Sample, Segment, ServerEvent, read_journal

from .support import DEADLINE, port_for, start_echo, wait_until

INTERVAL = 0.05


@pytest.fixture
def best(directory: Path) -> Iterator[AgentProcess]:
    with launch_agent(socket=directory / "agent.sock", isolation=probe_isolation().isolation) as process:
        yield process


def samples(directory: Path) -> list[Sample]:
    return read_journal(directory).of(Sample)


def test_one_sample_has_the_server_s_sockets_and_processes(
    client: AgentClient, agent: AgentProcess, directory: Path
) -> None:
    port = port_for(agent.isolation)
    server = start_echo(client, directory, port=port)
    before = client.sample(port=port, name="echo")
    assert (before.processes, before.threads, before.sockets) == (1, 1, {})
    assert before.rss >= before.pss > 1_000_000
    with client.connect("127.0.0.1", port), client.connect("127.0.0.1", port):
        wait_until(lambda: client.sample(port=port, name="echo").fds == before.fds + 2, "both are accepted")
        during = client.sample(port=port, root_pids=[server.pid])
        assert during.sockets == {"ESTABLISHED": 2}
        assert during.threads == 3
        assert during.at > before.at
        assert 0 < during.took < DEADLINE


def test_the_descendants_of_a_root_belong_to_the_server(client: AgentClient, directory: Path) -> None:
    process = client.spawn(["sh", "-c", "sleep 1000 & sleep 1000"], name="sh", log=directory / "log")
    wait_until(lambda: len(client.tree(process.pid)) == 3, "it has two children")
    assert client.sample(port=1, name="sh").processes == 3
    client.signal([process.pid], Signals.SIGKILL, tree=True)
    wait_until(lambda: client.sample(port=1, root_pids=[process.pid]).processes == 0, "none of the tree is left")


def test_a_name_nobody_has_is_a_server_that_does_not_run(client: AgentClient) -> None:
    assert client.sample(port=1, name="nobody").processes == 0


def test_samples_are_written_while_a_cell_is_open(best: AgentProcess, directory: Path) -> None:
    with best.client() as client:
        client.sample_every(INTERVAL, port=8765, name="server")
        segment = client.open_cell(directory / "one", run="r1", cell="c1")
        wait_until(lambda: len(samples(directory / "one")) >= 3, "three samples are written")
        client.close_cell()
        closed = segment.read_text()
        client.open_cell(directory / "two", run="r1", cell="c2")
        wait_until(lambda: len(samples(directory / "two")) >= 3, "it goes on in the next cell")
        client.sample_stop()
        client.close_cell()
    assert segment.read_text() == closed
    (head,) = read_journal(directory / "two").of(Segment)
    assert (head.role, head.run, head.cell) == ("agent", "r1", "c2")


def test_only_one_cell_is_open(best: AgentProcess, directory: Path) -> None:
    with best.client() as client:
        client.open_cell(directory / "one", run="r", cell="c1")
        with pytest.raises(AgentError) as caught:
            client.open_cell(directory / "two", run="r", cell="c2")
        assert str(caught.value) == "the cell 'c1' is open; close_cell it before opening 'c2'"
        client.close_cell()
        client.close_cell()


def test_a_server_that_exits_is_noted_and_its_successor_is_followed(best: AgentProcess, directory: Path) -> None:
    with best.client() as client:
        port = port_for(best.isolation)
        first = start_echo(client, directory, port=port)
        client.open_cell(directory / "cell", run="r", cell="c")
        client.sample_every(INTERVAL, port=port, name="echo")
        wait_until(lambda: [s.processes for s in samples(directory / "cell")][-1:] == [1], "it is sampled")
        client.signal([first.pid], Signals.SIGKILL)
        wait_until(lambda: samples(directory / "cell")[-1].processes == 0, "its end is sampled")
        wait_until(lambda: read_journal(directory / "cell").of(ServerEvent), "and noted: its name is free again")
        start_echo(client, directory, port=port)
        wait_until(lambda: samples(directory / "cell")[-1].processes == 1, "the next one is sampled")
        client.close_cell()
    (exited,) = read_journal(directory / "cell").of(ServerEvent)
    assert (exited.what, exited.pid, exited.exit_code, exited.detail) == ("exited", first.pid, -9, "echo")


def test_new_children_are_seen_although_the_tree_is_not_read_each_time(best: AgentProcess, directory: Path) -> None:
    with best.client() as client:
        os.mkfifo(directory / "go")
        script = f"read _ < {directory}/go; sleep 1000 & sleep 1000"
        client.spawn(["sh", "-c", script], name="sh", log=directory / "log")
        client.open_cell(directory / "cell", run="r", cell="c")
        client.sample_every(INTERVAL, port=1, name="sh")
        wait_until(lambda: samples(directory / "cell"), "it is sampled")
        (directory / "go").write_text("go\n")
        wait_until(lambda: samples(directory / "cell")[-1].processes == 3, "both children are counted")
        client.close_cell()


def test_the_rate_is_kept_at_a_thousand_connections_with_a_busy_request_side(
    best: AgentProcess, directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steadiness is judged by the schedule and by what the agent itself noted; the figures are printed."""
    with best.client() as client, best.client() as busy, ExitStack() as stack:
        port = port_for(best.isolation)
        start_echo(client, directory, port=port)
        for _ in range(1000):
            stack.enter_context(client.connect("127.0.0.1", port))
        client.sample_every(INTERVAL, port=port, name="echo")
        quiet = _record(client, directory / "quiet", count=20)
        stop = threading.Event()

        def keep_busy() -> None:
            while not stop.is_set():
                busy.sockets(port)

        load = threading.Thread(target=keep_busy)
        load.start()
        try:
            loaded = _record(client, directory / "loaded", count=20)
        finally:
            stop.set()
            load.join()
    with capsys.disabled():
        for name, journal in (("quiet", quiet), ("busy", loaded)):
            took = sorted(sample.took for sample in journal.of(Sample))
            print(
                f"\n1,000 connections, {name}: a sample takes {median(took) * 1e3:.1f} ms "
                f"(worst {took[-1] * 1e3:.1f}), rate {_rate(journal):.3f} of the schedule"
            )
    for journal in (quiet, loaded):
        assert all(sample.sockets == {"ESTABLISHED": 1000} for sample in journal.of(Sample))
        assert _rate(journal) > 0.75 or journal.of(Note), "what is missing is told"
    assert median(_steps(loaded)) < 1.25, "all but a few come when they are due"


def _record(client: AgentClient, directory: Path, *, count: int) -> Journal:
    client.open_cell(directory, run="r", cell="c")
    wait_until(lambda: len(samples(directory)) >= count, f"{count} samples are written")
    client.close_cell()
    return read_journal(directory)


def _rate(journal: Journal) -> float:
    """Samples taken in proportion to those that were due."""
    times = [sample.at for sample in journal.of(Sample)]
    return (len(times) - 1) * INTERVAL / (times[-1] - times[0])


def _steps(journal: Journal) -> list[float]:
    """From one sample to the next, in intervals."""
    return [(later.at - earlier.at) / INTERVAL for earlier, later in pairwise(journal.of(Sample))]


class SlowReader(Reader):
    """A reading that takes longer than the interval."""

    def read(self, roots: object, port: int, *, fresh: bool = False) -> dict[str, object]:
        threading.Event().wait(2.5 * INTERVAL)
        return {"took": 2.5 * INTERVAL}


def test_samples_left_out_are_told(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chaos.agent.sampler.Reader", SlowReader)
    recorder = Recorder()
    recorder.open(directory / "cell", run="r", cell="c")
    sampler = Sampler(recorder)
    sampler.start(Plan(interval=INTERVAL, port=1, roots=tuple))
    wait_until(lambda: len(samples(directory / "cell")) >= 4, "four samples are written")
    sampler.stop()
    recorder.close()
    journal = read_journal(directory / "cell")
    text = journal.of(Note)[0].text
    assert text.startswith("sampling fell behind: ")
    assert f" samples of {INTERVAL:g} s left out, the latest was 0." in text
    left_out = sum(int(note.text.split()[3]) for note in journal.of(Note))
    steps = _steps(journal)
    assert left_out == pytest.approx(sum(steps) - len(steps), abs=2), "what was due and not taken"
    assert min(steps) > 2.5, "of every three, two fall into a reading"
    assert median(steps) == pytest.approx(3.0, abs=0.5), "it keeps to its schedule"


def test_a_stream_that_broke_off_is_told(best: AgentProcess, directory: Path) -> None:
    class Broken(Reader):
        def read(self, roots: object, port: int, *, fresh: bool = False) -> dict[str, object]:
            raise OSError("no more")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chaos.agent.sampler.Reader", Broken)
        recorder = Recorder()
        recorder.open(directory / "cell", run="r", cell="c")
        sampler = Sampler(recorder)
        sampler.start(Plan(interval=INTERVAL, port=1, roots=tuple))
        assert sampler._thread is not None
        sampler._thread.join(DEADLINE)
        with pytest.raises(AgentError) as caught:
            sampler.stop()
        assert str(caught.value) == "sampling ended before it was told to: no more"
        sampler.stop()
        recorder.close()


@pytest.mark.parametrize("interval", [0, 0.001])
def test_an_interval_that_leaves_no_time_is_refused(directory: Path, interval: float) -> None:
    with launch_agent(socket=directory / "a", isolation=Isolation(Kind.PLAIN)) as agent, agent.client() as client:
        with pytest.raises(AgentError) as caught:
            client.sample_every(interval, port=1, name="x")
        assert str(caught.value) == f"sample_every: interval is at least 0.005 s; found {interval!r}"
