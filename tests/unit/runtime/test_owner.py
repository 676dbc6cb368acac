"""Owner tokens: who is alive is known, who cannot be known counts as alive."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import pytest

from chaos.runtime.owner import Owner


def owner_of(process: subprocess.Popen[bytes]) -> Owner:
    """The owner that this process would be; its random part is ours."""
    ours = Owner.current()
    with open(f"/proc/{process.pid}/stat", encoding="utf-8") as file:
        started = int(file.read().rpartition(")")[2].split()[19])
    return dataclasses.replace(ours, pid=process.pid, started=started)


def test_a_token_names_its_owner_again() -> None:
    owner = Owner.current()
    assert Owner.parse(owner.token) == owner
    assert owner.alive()


def test_two_runs_of_one_process_are_told_apart() -> None:
    assert Owner.current() != Owner.current()


@pytest.mark.parametrize("token", ["", "12", "1-2-3-4", "12-34-abcdefgh-01234567", "12-34-0123abcd-01234567-x"])
def test_what_is_no_token_names_nobody(token: str) -> None:
    assert Owner.parse(token) is None


def test_an_owner_that_ended_is_dead_also_while_it_is_a_zombie() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE)
    owner = owner_of(process)
    assert owner.alive()
    process.kill()
    process.communicate()
    assert not owner.alive()


def test_a_zombie_owner_is_dead() -> None:
    process = subprocess.Popen([sys.executable, "-I", "-S", "-c", "print(end='')"], stdout=subprocess.PIPE)
    owner = owner_of(process)
    assert process.stdout is not None
    process.stdout.read()
    with subprocess.Popen(["true"]) as later:  # started and ended later, so the first has become a zombie by then
        later.wait()
    while owner.alive():
        pass  # bounded by pytest-timeout: the process has closed its output and is on its way out
    process.wait()
    process.stdout.close()


def test_a_reused_pid_is_another_owner() -> None:
    ours = Owner.current()
    assert not dataclasses.replace(ours, started=ours.started - 1).alive()


def test_an_owner_of_another_boot_or_pid_namespace_counts_as_alive() -> None:
    ours = Owner.current()
    foreign = dataclasses.replace(ours, started=ours.started - 1, scope="00000000")
    assert not foreign.local
    assert foreign.alive()
