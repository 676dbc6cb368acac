"""A disk that only one program sees: mounted, found from outside, bounded, and gone with the program."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.agent import own_disk as module
from chaos.agent.own_disk import DISK, disk_availability, on_own_disk, own_disk

WAITS = "import sys; print('there', flush=True); sys.stdin.read()"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "with space" / DISK
    made.mkdir(parents=True)
    return made


@pytest.fixture
def program(directory: Path) -> Iterator[subprocess.Popen[str]]:
    found = disk_availability([])
    if not found.available:
        pytest.skip(f"{found.reason}; {found.remedy}")
    argv = on_own_disk([sys.executable, "-c", WAITS], directory)
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "there\n"
        yield started


def test_it_is_the_programs_alone_and_is_found_by_its_pid(program: subprocess.Popen[str], directory: Path) -> None:
    disk = own_disk(program.pid)
    assert disk == Path(f"/proc/{program.pid}/root{directory}")
    (disk / "file").write_text("seen by nobody else")
    assert os.listdir(directory) == []
    assert os.listdir(disk) == ["file"]


def test_it_is_full_after_a_few_megabytes(program: subprocess.Popen[str]) -> None:
    disk = own_disk(program.pid)
    assert disk is not None
    with pytest.raises(OSError, match=r"No space left") as caught:
        (disk / "file").write_bytes(bytes(1 << 23))
    assert caught.value.errno == errno.ENOSPC


def test_it_ends_with_the_program(program: subprocess.Popen[str], directory: Path) -> None:
    program.kill()
    program.wait()
    assert own_disk(program.pid) is None
    assert os.listdir(directory) == []


def test_who_has_none() -> None:
    assert own_disk(os.getpid()) is None
    assert own_disk(2**22 + 1) is None


def test_where_nothing_can_be_mounted_the_reason_is_what_was_said() -> None:
    found = disk_availability(["sh", "-c", "echo 'mount: permission denied' >&2; exit 1"])
    assert (found.available, found.reason) == (
        False,
        "nothing can be mounted for the server alone: mount: permission denied",
    )
    assert found.remedy.startswith("run as root")


def test_without_the_program_that_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    found = disk_availability([])
    assert (found.reason, found.remedy) == ("unshare is not installed", "install util-linux")
