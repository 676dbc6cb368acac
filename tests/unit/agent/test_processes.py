"""Readings from /proc, compared with psutil and with what is known to be there."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import psutil
import pytest

from chaos.agent import processes
from chaos.agent.identity import Identity, identify, own_pid
from chaos.agent.processes import descendants, innermost, measure, memory, processes_with, read_stat, socket_owners

from .support import DEADLINE, HERE, assert_gone, identities, wait_until


@pytest.fixture
def me() -> Identity:
    found = identify(own_pid())
    assert found is not None
    return found


def test_figures_agree_with_psutil(me: Identity) -> None:
    known = psutil.Process(me.pid)
    figures = measure([me])
    full = known.memory_full_info()
    assert figures.processes == 1
    assert figures.fds == known.num_fds() - 1  # its listing holds the directory open
    assert figures.threads == known.num_threads()
    rss, pss = memory([me])
    assert rss == pytest.approx(full.rss, rel=0.05)  # psutil's rss is the kernel's lagging counter
    assert pss == pytest.approx(full.pss, rel=0.05)
    assert figures.cpu == pytest.approx(sum(known.cpu_times()[:2]), abs=0.05)  # two ticks and the reading itself


def test_an_open_file_and_a_thread_are_counted(me: Identity) -> None:
    """Threads that other tests have left to end by themselves may do so meanwhile: only ours are looked for."""
    before = measure([me])
    release = threading.Event()
    threads = [threading.Thread(target=release.wait) for _ in range(3)]
    with socket.socket(), socket.socket():
        for thread in threads:
            thread.start()
        during = measure([me])
        alive = {int(entry.name) for entry in Path(f"/proc/{me.pid}/task").iterdir()}
        ours = {thread.native_id for thread in threads}
        release.set()
        for thread in threads:
            thread.join()
    assert during.fds - before.fds == 2
    assert ours <= alive
    assert during.threads >= len(ours) + 1
    assert measure([me]).fds == before.fds


def test_open_files_are_listed_where_the_kernel_does_not_count_them(
    me: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = measure([me]).fds

    class Before62:
        st_size = 0

    monkeypatch.setattr(os, "stat", lambda path: Before62)
    assert measure([me]).fds in (counted, counted + 1)  # the listing holds the directory open


def test_a_process_that_is_gone_counts_nothing(me: Identity) -> None:
    predecessor = Identity(pid=me.pid, started=me.started - 1)
    assert measure([predecessor]) == processes.Figures()
    assert memory([predecessor]) == (0, 0)


def test_a_zombie_uses_nothing_and_is_still_in_the_tree() -> None:
    with subprocess.Popen(["true"]) as child:
        wait_until(lambda: (stat := read_stat(child.pid)) is not None and stat.state == "Z", "it is a zombie")
        zombie = identities([child.pid])
        assert measure(zombie) == processes.Figures(zombies=1)
        assert memory(zombie) == (0, 0)
        assert [stat.pid for stat in descendants([child.pid])] == [child.pid]


def test_a_name_with_parentheses_and_spaces_is_read(tmp_path: Path) -> None:
    program = tmp_path / "a) R 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, str(DEADLINE)]) as child:
        stat = read_stat(child.pid)
        child.kill()
    assert stat is not None
    assert stat.parent == own_pid()


def test_the_tree_is_the_root_and_all_below_it(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    with subprocess.Popen([sys.executable, "-I", "-S", str(HERE / "tree.py"), str(file)]) as root:
        wait_until(file.exists, "the tree has grown")
        child, daemon, itself = (int(line) for line in file.read_text().split())
        members = identities([child, daemon, itself])
        tree = [stat.pid for stat in descendants([root.pid]) if stat.state != "Z"]
        for member in members:
            os.kill(member.pid, 9)
    assert tree[0] == root.pid == itself
    daemon_left = {daemon} - set(tree)  # it daemonised: its parent is whoever adopted it
    assert daemon_left == {daemon}
    assert child in tree
    assert_gone(members)


def test_of_a_master_and_its_workers_the_workers_are_the_innermost(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    shell = f"{sys.executable} -I -S {HERE / 'tree.py'} {file}; true"  # a shell that does not become its command
    with subprocess.Popen(["sh", "-c", shell]) as root:
        wait_until(file.exists, "the tree has grown")
        child, daemon, itself = (int(line) for line in file.read_text().split())
        members = identities([child, daemon, itself])
        assert innermost([root.pid, itself, child]) == [child]
        assert innermost([root.pid, child]) == [child]  # though neither is the other's parent
        assert innermost([itself, daemon]) == sorted([itself, daemon])
        assert innermost([root.pid]) == [root.pid]
        for member in members:
            os.kill(member.pid, 9)
    assert_gone(members)
    assert innermost([root.pid, child]) == []


def test_roots_that_do_not_exist_have_no_tree() -> None:
    assert descendants([2**22 + 1]) == []


def test_the_owner_of_a_socket_is_found(me: Identity) -> None:
    with socket.socket() as mine:
        inode = os.fstat(mine.fileno()).st_ino
        assert socket_owners([inode]) == [me.pid]
    assert socket_owners([inode]) == []
    assert socket_owners([]) == []
    assert socket_owners([0]) == []


def test_processes_are_found_by_a_mark_in_their_environment() -> None:
    with subprocess.Popen(["sleep", str(DEADLINE)], env={"CHAOS_TEST": "abc", "X": "CHAOS_TEST=no"}) as child:
        wait_until(lambda: processes_with(variable="CHAOS_TEST", value="abc"), "its environment is there")
        found = processes_with(variable="CHAOS_TEST", value="abc")
        partly = processes_with(variable="CHAOS_TEST", value="ab")
        elsewhere = processes_with(variable="CHAOS_TEST", value="no")
        child.kill()
    assert [process.pid for process in found] == [child.pid]
    assert partly == elsewhere == []
