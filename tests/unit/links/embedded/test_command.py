"""The process, as a parent sees it."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from .peers import DEADLINE

COMMAND = [sys.executable, "-m", "chaos.links.embedded"]
ROOT = Path(__file__).parents[4]


@contextmanager
def running(*arguments: str, wrapper: Sequence[str] = ()) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A proxy process, and the URL it says it listens on."""
    process = subprocess.Popen(
        [*wrapper, *COMMAND, *arguments], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        matched = re.fullmatch(r"listening on (http://\S+)\n", line)
        assert matched is not None, (line, process.stderr and process.stderr.read())
        yield process, matched[1]
    finally:
        process.kill()
        process.communicate()


def get(url: str) -> object:
    with urllib.request.urlopen(url, timeout=DEADLINE) as answer:
        return json.load(answer)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_without_a_word(number: signal.Signals):
    with running("--port", "0", "--seed", "7") as (process, url):
        assert get(f"{url}/version") == {"version": "2.12.0"}
        process.send_signal(number)
        stdout, stderr = process.communicate(timeout=DEADLINE)
    assert (process.returncode, stdout, stderr) == (0, "", "seed 7\n")


def test_a_configuration_file_in_toxiproxy_s_format(tmp_path: Path):
    config = tmp_path / "proxies.json"
    config.write_text('[{"name": "web", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"}]')
    with running("-port=0", "-config", str(config)) as (_, url):  # Go's spelling of options
        proxies = get(f"{url}/proxies")
    assert list(proxies) == ["web"]


def test_it_takes_all_the_files_it_may_open():
    code = (
        "import os, resource, sys\n"
        "hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard))\n"
        "os.execv(sys.argv[1], sys.argv[1:])\n"
    )
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with (
        running("--port", "0", "--runtime-metrics", wrapper=[sys.executable, "-c", code]) as (_, url),
        urllib.request.urlopen(f"{url}/metrics", timeout=DEADLINE) as answer,
    ):
        assert f"\nprocess_max_fds {hard}\n" in answer.read().decode()


def refused(*arguments: str) -> str:
    """What it says when it ends at once; it must be one line, and exit code 2."""
    done = subprocess.run(
        [*COMMAND, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.rstrip("\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "No such file or directory"),
        ("[{", "not JSON: unexpected EOF"),
        ("{}", "bad request body: json: cannot unmarshal object into Go value of type "),
        ('[{"name": "web"}]', "missing required field: upstream at proxy 1; it must be a list such as "),
    ],
)
def test_a_bad_configuration_file_is_one_line_and_2(tmp_path: Path, content: str | None, message: str):
    config = tmp_path / "proxies.json"
    if content is not None:
        config.write_text(content)
    assert refused("--port", "0", "--config", str(config)).startswith(f"error: --config {config}: {message}")


def test_a_taken_port_is_one_line_and_2():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = refused("--port", str(port))
    assert message.startswith(f"error: the API has no address: listen tcp 127.0.0.1:{port}: ")


def test_a_port_beyond_65535_is_one_line_and_2():
    assert "listen tcp: address 70000: invalid port; choose another" in refused("--port", "70000")


def test_it_is_up_in_a_fraction_of_a_second():
    """Only the standard library is imported, and not all of it: an interpreter alone takes 20 ms here, this 150."""
    took, bare = [], []
    for _ in range(3):
        started = time.monotonic()
        with running("--port", "0"):
            took.append(time.monotonic() - started)
        started = time.monotonic()
        subprocess.run([sys.executable, "-c", "import asyncio, argparse"], check=True)
        bare.append(time.monotonic() - started)
    # The quickest of each: whatever else the machine does only adds to it.
    assert min(took) < 5 * min(bare) + 0.5


@pytest.mark.skipif(sys.platform != "linux", reason="a request to the Linux kernel")
def test_it_dies_with_its_parent():
    code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen({[*COMMAND, '--port', '0', '--die-with-parent']!r}, stdout=subprocess.PIPE)\n"
        "print(child.pid, child.stdout.readline().decode(), flush=True)\n"
        "time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid, said = parent.stdout.readline().split(maxsplit=1)
    child = int(pid)
    assert said.startswith("listening on ")
    assert _runs(child)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + DEADLINE
    while _runs(child):
        assert time.monotonic() < deadline, "it outlived its parent"
        time.sleep(0.01)


def _runs(pid: int) -> bool:
    """Whether a process runs; a zombie that init has not fetched yet does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_nothing_but_the_standard_library_is_imported():
    code = (
        "import sys, chaos.links.embedded.command\n"
        "known = sys.stdlib_module_names | {'chaos', '__main__'}\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules} - known))"
    )
    # Isolated from site-packages' .pth files, which import what they like.
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout == "[]\n"
