"""A run that is killed in the middle, and the next one: everything of the dead goes, nothing of the living."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import psutil
import pytest

from chaos.agent.hermetic import probe_isolation
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.containers import ContainersRuntime
from chaos.runtime.engine import Engine
from chaos.runtime.environment import own_environment
from chaos.runtime.owned import OWNER_LABEL, reap_engine
from chaos.runtime.owner import Owner
from chaos.runtime.processes import ProcessesRuntime
from chaos.runtime.reaper import reap

from .deploying import PYTHON, WITHIN, ask, labelled, leftovers, stub_target

START_WITHIN = 60.0
"""Seconds for the other run to deploy; it takes one to three."""


@dataclass
class OtherRun:
    """A run in a process of its own."""

    process: subprocess.Popen[str]
    owner: Owner

    def about(self) -> dict[str, int]:
        """What it says once it has deployed: pids of its agent, its server, and a child of the server."""
        assert self.process.stdout is not None
        found: dict[str, int] = json.loads(self.process.stdout.readline())
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def other_run(*arguments: str) -> Iterator[OtherRun]:
    """Started, and killed at the end at the latest."""
    script = str(Path(__file__).with_name("owner_process.py"))
    with subprocess.Popen(
        [PYTHON, script, *arguments], env=own_environment(), stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            owner = Owner.parse(process.stdout.readline().strip())
            assert owner is not None
            yield OtherRun(process=process, owner=owner)
        finally:
            process.kill()


def wait_until(condition: Any) -> None:
    deadline = time.monotonic() + WITHIN
    while not condition():
        assert time.monotonic() < deadline


@pytest.mark.parametrize("ground", ["namespace", "loopback"])
def test_processes_of_a_killed_run(ground: str, owner: Owner) -> None:
    if ground == "namespace" and not probe_isolation().hermetic.available:
        pytest.skip("no namespace can be had here")
    options = RuntimeOptions(hermetic=ground == "namespace")
    with ProcessesRuntime().deploy(stub_target(), owner=owner, options=options) as ours, other_run(ground) as other:
        other.about()
        before, theirs = leftovers(owner), leftovers(other.owner)
        assert "sleep" in {name for _, name in theirs}
        reap(engine=None)
        assert leftovers(other.owner) == theirs  # while it lives, nothing of it is touched
        other.kill()
        reap(engine=None)
        # Here as below by nobody's hand in particular: whatever starts beside this test reaps as well.
        wait_until(lambda: leftovers(other.owner) == [])
        assert leftovers(owner) == before
        assert ask(ours, "/health") == ""


def test_a_run_that_is_killed_together_with_its_agent(owner: Owner) -> None:
    """On loopback no namespace ends what the server's own children have become: the reaper finds it by its mark."""
    with other_run("loopback") as other:
        about = other.about()
        psutil.Process(about["agent"]).suspend()  # so that it cannot clean up when its owner ends
        other.kill()
        os.kill(about["agent"], signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(about["pid"]))  # the kernel ends what the agent itself had started
        reap(engine=None)
        wait_until(lambda: not psutil.pid_exists(about["child"]))
        wait_until(lambda: leftovers(other.owner) == [])


@pytest.mark.parametrize("way", ["nsenter", "sidecar"])
def test_containers_of_a_killed_run(
    way: str, engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    if way == "nsenter" and os.geteuid() != 0:
        pytest.skip("nsenter takes root")
    target = stub_target(build=str(stub_directory))
    with (
        ContainersRuntime(engine).deploy(target, owner=owner, options=RuntimeOptions()) as ours,
        other_run(way, str(stub_directory)) as other,
    ):
        other.about()
        theirs = labelled(client, other.owner)
        assert len(theirs) == 5
        before = labelled(client, owner)
        reap(engine=engine)
        assert labelled(client, other.owner) == theirs
        other.kill()
        reap(engine=engine)
        wait_until(lambda: labelled(client, other.owner) == [])
        wait_until(lambda: leftovers(other.owner) == [])
        assert labelled(client, owner) == before
        assert ask(ours, "/health") == ""


def test_two_runs_that_reap_at_once(
    engine: Engine, client: docker.DockerClient, stub_directory: Path, owner: Owner
) -> None:
    with other_run("nsenter", str(stub_directory)) as other:
        other.about()
        other.kill()
        code = "from chaos.runtime import engine, reaper; reaper.reap(engine=engine.find_engine())"
        both = [subprocess.Popen([PYTHON, "-c", code], env=own_environment()) for _ in range(2)]
        assert [other.wait(START_WITHIN) for other in both] == [0, 0]
        assert labelled(client, other.owner) == []


@pytest.mark.parametrize("after", [1, 3, 5])
@pytest.mark.parametrize("ground", ["namespace", "loopback"])
def test_processes_of_an_interrupted_run(ground: str, after: int) -> None:
    """Ctrl-C while it starts, once so many of its things are there: nothing is left, also without a reaper."""
    if ground == "namespace" and not probe_isolation().hermetic.available:
        pytest.skip("no namespace can be had here")
    with other_run(ground) as other:
        wait_until(lambda: len(leftovers(other.owner)) > after)  # the run itself carries no mark
        other.process.send_signal(signal.SIGINT)
        assert other.process.wait(START_WITHIN) == 130
        # An agent that was interrupted before anybody knew its pid ends by itself, as soon as it sees the end of its
        # control pipe.
        wait_until(lambda: leftovers(other.owner) == [])


@pytest.mark.parametrize("after", [1, 2, 4])
def test_containers_of_an_interrupted_run(
    after: int, engine: Engine, client: docker.DockerClient, stub_directory: Path
) -> None:
    with other_run("nsenter", str(stub_directory)) as other:
        wait_until(lambda: len(labelled(client, other.owner)) >= after)
        other.process.send_signal(signal.SIGINT)
        assert other.process.wait(START_WITHIN) == 130
        assert labelled(client, other.owner) + leftovers(other.owner) == []


def test_an_owner_of_another_boot_is_only_reaped_when_nothing_of_it_runs(
    engine: Engine, client: docker.DockerClient, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_boot = "1-2-00000000-00000001"
    running = client.containers.run(
        engine.python_image, ["sleep", "600"], detach=True, labels={OWNER_LABEL: before_boot}
    )
    created = client.containers.create(engine.python_image, ["sleep", "600"], labels={OWNER_LABEL: before_boot})
    network = client.networks.create("runtime-test-before-boot", labels={OWNER_LABEL: before_boot})
    both = {running.name, created.name}
    try:
        running.kill()
        assert both.isdisjoint(reap_engine(client, local=True)[0])  # made since this machine has booted
        monkeypatch.setattr(psutil, "boot_time", lambda: time.time() + 60)  # as if it had been made before
        assert both.isdisjoint(reap_engine(client, local=False)[0])  # the engine may be another machine's
        running.start()
        assert both.isdisjoint(reap_engine(client, local=True)[0])  # something of that owner runs
        running.kill()
        containers, networks = reap_engine(client, local=True)
        assert (both <= set(containers), network.name in networks) == (True, True)
    finally:
        for left in client.containers.list(all=True, filters={"label": f"{OWNER_LABEL}={before_boot}"}):
            left.remove(force=True)
        for left in client.networks.list(filters={"label": f"{OWNER_LABEL}={before_boot}"}):
            left.remove()


def test_what_nobody_of_ours_labelled_is_left_alone(engine: Engine, client: docker.DockerClient) -> None:
    strange = client.networks.create("runtime-test-strange", labels={OWNER_LABEL: "somebody"})
    try:
        assert strange.name not in reap_engine(client, local=True)[1]
    finally:
        strange.remove()
