"""Reaping on this machine: everything of the dead, nothing of the living."""

from __future__ import annotations

import dataclasses
import errno
import os
import secrets
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import chaos.runtime.owner
from chaos.errors import ConfigurationError, EnvironmentFailure
from chaos.runtime import reaper
from chaos.runtime.owner import OWNER_VARIABLE, Owner
from chaos.runtime.reaper import Reaped, reap_machine
from chaos.runtime.state import StateDirectory, owned_state_directories, remove_state_directory

SLEEP = [sys.executable, "-I", "-S", "-c", "print('up', flush=True); import time; time.sleep(600)"]


SCOPE = secrets.token_hex(4)
"""In which the owners of these tests count: the runs of other tests, which reap as well, cannot tell that they died."""


@pytest.fixture(autouse=True)
def _among_ourselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chaos.runtime.owner, "_scope", lambda: SCOPE)


@pytest.fixture
def dead() -> Owner:
    """An owner that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return dataclasses.replace(Owner.current(), pid=process.pid)


@pytest.fixture
def private_tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary directory of its own, short enough for sockets."""
    del tmp_path
    with tempfile.TemporaryDirectory(prefix="t", dir="/tmp") as path:
        monkeypatch.setattr(tempfile, "tempdir", path)
        yield Path(path)


def start(owner: str) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        SLEEP, env={**os.environ, OWNER_VARIABLE: owner}, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.stdout.close()
    return process


def end(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        process.kill()
        process.wait()


def test_processes_of_the_dead_go_and_of_the_living_stay(dead: Owner, private_tmp: Path) -> None:
    orphan, ours, foreign, garbled = (
        start(token)
        for token in (
            dead.token,
            Owner.current().token,
            dataclasses.replace(dead, scope="00000000").token,
            "not a token",
        )
    )
    try:
        assert {orphan.pid} == {orphan.pid, ours.pid, foreign.pid, garbled.pid} & set(reap_machine().processes)
        assert orphan.wait() == -9
        assert [process.poll() for process in (ours, foreign, garbled)] == [None] * 3
    finally:
        end(orphan, ours, foreign, garbled)


def test_an_orphan_that_became_an_owner_is_not_killed_by_its_own_reaper(dead: Owner) -> None:
    """A shell that a dead run had started, and in which a user starts the suite again."""
    code = (
        "import os; import chaos.runtime.owner; from chaos.runtime.reaper import reap_machine; "
        f"chaos.runtime.owner._scope = lambda: {SCOPE!r}; print(os.getpid() in reap_machine().processes)"
    )
    inner = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], check=True)"
    ran = subprocess.run(
        [sys.executable, "-c", inner],
        env={**os.environ, OWNER_VARIABLE: dead.token},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ran.stdout == "False\n"


def test_directories_of_the_dead_go_and_of_the_living_stay(dead: Owner, private_tmp: Path) -> None:
    orphan = StateDirectory(dead).make()
    (orphan / "deep").mkdir()
    (orphan / "deep" / "log").write_text("x")
    ours = StateDirectory(Owner.current()).make()
    strangers = private_tmp / "chaos-notes"
    strangers.mkdir()
    assert reap_machine().directories == (str(orphan),)
    assert sorted(private_tmp.iterdir()) == sorted([ours, strangers])
    assert reap_machine().directories == ()
    remove_state_directory(ours)
    remove_state_directory(ours)


def test_rules_and_groups_go_first_so_that_an_interrupted_reaper_leaves_the_next_one_a_reason(
    dead: Owner, private_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    orphan = StateDirectory(dead).make()

    def interrupted() -> list[str]:
        raise KeyboardInterrupt

    for number, step in enumerate(("remove_stale_tables", "remove_stale_groups")):
        with monkeypatch.context() as patch:
            patch.setattr(reaper, "remove_stale_tables", list)
            patch.setattr(reaper, step, interrupted)
            with pytest.raises(KeyboardInterrupt):
                reap_machine()
            assert orphan.is_dir(), f"gone before step {number} was done"
    monkeypatch.setattr(reaper, "remove_stale_tables", lambda: ["a table"])
    monkeypatch.setattr(reaper, "remove_stale_groups", lambda: ["a group"])
    reaped = reap_machine()
    assert (reaped.rules, reaped.groups, reaped.directories) == (("a table",), ("a group",), (str(orphan),))
    assert reap_machine() == Reaped()


def test_what_cannot_be_removed_is_said_once_everything_else_is_gone(
    dead: Owner, private_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fixed, _ = (StateDirectory(dead).make() for _ in range(2))

    def remove(path: Path) -> None:
        if path == fixed:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path / "log"))
        path.rmdir()

    monkeypatch.setattr(reaper, "remove_state_directory", remove)
    with pytest.raises(EnvironmentFailure) as caught:
        reap_machine()
    assert str(caught.value) == (
        f"what a dead run has left cannot be removed: {fixed} (Permission denied); remove it by hand"
    )
    assert list(private_tmp.iterdir()) == [fixed]


@pytest.mark.parametrize(
    "error", [PermissionError(errno.EPERM, "Operation not permitted"), subprocess.TimeoutExpired("nft", 10.0)]
)
@pytest.mark.parametrize(
    ("step", "what"), [("remove_stale_tables", "packet rules"), ("remove_stale_groups", "control groups")]
)
def test_what_hinders_the_reaper_is_told_in_words(
    dead: Owner, private_tmp: Path, monkeypatch: pytest.MonkeyPatch, step: str, what: str, error: Exception
) -> None:
    orphan = StateDirectory(dead).make()

    def fail() -> list[str]:
        raise error

    monkeypatch.setattr(reaper, "remove_stale_tables", list)
    monkeypatch.setattr(reaper, step, fail)
    with pytest.raises(EnvironmentFailure) as caught:
        reap_machine()
    assert str(caught.value) == f"{what} of a dead run cannot be removed: {error}"
    assert orphan.is_dir()


def test_a_state_directory_is_private_and_names_its_owner(private_tmp: Path) -> None:
    owner = Owner.current()
    path = StateDirectory(owner).make()
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert owned_state_directories() == [(owner, path)]


def test_a_link_with_the_name_of_a_state_directory_is_left_alone(dead: Owner, private_tmp: Path) -> None:
    elsewhere = private_tmp / "elsewhere"
    elsewhere.mkdir()
    (private_tmp / f"chaos-{dead.token}-abcdefgh").symlink_to(elsewhere)
    assert reap_machine().directories == ()
    assert elsewhere.is_dir()


def test_a_temporary_directory_too_long_for_sockets_is_refused(
    private_tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = private_tmp / ("x" * 60)
    long.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(long))
    with pytest.raises(
        ConfigurationError, match=r"is too long a path: .* 107 are allowed; set TMPDIR to a shorter one"
    ):
        StateDirectory(Owner.current()).make()
    assert list(long.iterdir()) == []


def test_the_sentence() -> None:
    assert Reaped().sentence() is None
    reaped = Reaped(processes=(1, 2), networks=("n",))
    assert reaped.sentence() == "removed 2 processes, 1 network that a dead run had left"
    assert Reaped(groups=("g", "h")).sentence() == "removed 2 control groups that a dead run had left"
