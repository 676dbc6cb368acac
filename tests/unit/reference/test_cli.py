"""The command line: exit codes, `--check`, a taken port, a defect that does not exist."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest
from reference_server.cli import main

from .running import REFERENCE, clean_environment


def test_check_prints_every_setting_and_no_secret(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--profile", "fast"], environment={"WEBSOCKET_JWT_SECRET": "s" * 32}) == 0
    printed = capsys.readouterr().out
    assert "WEBSOCKET_MAX_CONNECTIONS=100  # connections let in at once, a whole number from 1\n" in printed
    assert "WEBSOCKET_CONNECT_PHASES=1.5,1,0.75,0.5,0.4  #" in printed
    assert "WEBSOCKET_JWT_SECRET=(set)  #" in printed
    assert "sssss" not in printed


def test_what_check_prints_is_taken_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--check", "--profile", "staging"], environment={})
    first = capsys.readouterr().out
    environment = dict(line.partition("  #")[0].split("=", 1) for line in first.splitlines())
    assert main(["--check", "--profile", "fast"], environment=environment) == 0
    assert capsys.readouterr().out == first


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "reference_server", *arguments],
        cwd=REFERENCE,
        env={**clean_environment(), **environment},
        capture_output=True,
        text=True,
        timeout=20,
    )


def test_bad_setting_ends_with_code_2_and_no_traceback() -> None:
    ended = run("--port", "0", "--profile", "fast", BROADCAST_INTERVAL="0")
    assert ended.returncode == 2
    assert ended.stderr == (
        "reference_server: bad setting BROADCAST_INTERVAL: found '0'; allowed: seconds between status updates on "
        "/feed, above 0; remedy: set it so, or leave it out for the fast profile's value 0.1\n"
    )


def test_unknown_defect_ends_with_code_2_and_the_nearest_one() -> None:
    ended = run("--port", "0", "--profile", "fast", DEFECT="keep_dead_conections")
    assert ended.returncode == 2
    assert ended.stderr == (
        "reference_server: bad setting DEFECT: no defect is called 'keep_dead_conections'; "
        "did you mean keep_dead_connections?\n"
    )


def test_taken_port_ends_with_code_1_and_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port", str(port), "--profile", "fast")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"reference_server: cannot listen on 127.0.0.1:{port}: [Errno 98] Address already in use; "
        "choose another --port\n"
    )


def test_a_host_that_is_no_name_ends_with_code_1() -> None:
    host = "é" * 70  # longer than a name may be once it is encoded
    ended = run("--host", host, "--port", "0", "--profile", "fast")
    assert ended.returncode == 1
    assert ended.stderr == (
        f"reference_server: cannot listen on {host}:0: encoding of hostname failed; choose another --port\n"
    )
