"""Whatever is wrong: one clear error with the remedy, no traceback, nothing left running, pytest's exit code."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests.leftovers import leftovers
from tests.plugin.conftest import WriteTarget
from tests.running import run_pytest

SCENARIO = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"


def _refused(ended: CompletedProcess[str], code: int) -> str:
    """The output of a run that ended with the code, without a traceback and with nothing left behind."""
    output = ended.stdout + ended.stderr
    assert ended.returncode == code, output
    assert "Traceback" not in output
    assert leftovers() == []
    return output


def test_broken_target_file(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target(more='\n[promises.liveness]\nheartbeat_intervall = "30s"\n')
    output = _refused(run_pytest([SCENARIO, f"--chaos-target={file}"], directory=tmp_path), pytest.ExitCode.USAGE_ERROR)
    assert "promises.liveness.heartbeat_intervall" in output
    assert "heartbeat_interval" in output


def test_target_file_that_is_not_there(tmp_path: Path) -> None:
    output = _refused(
        run_pytest([SCENARIO, f"--chaos-target={tmp_path}/no.toml"], directory=tmp_path), pytest.ExitCode.USAGE_ERROR
    )
    assert f"{tmp_path}/no.toml" in output


def test_unreachable_engine(tmp_path: Path) -> None:
    nowhere = {"DOCKER_HOST": f"unix://{tmp_path}/nobody.sock", "CHAOS_ENGINE_HOME": str(tmp_path)}
    output = _refused(
        run_pytest([SCENARIO, "--chaos-runtime=containers"], directory=tmp_path, env=nowhere),
        pytest.ExitCode.TESTS_FAILED,
    )
    assert "no container engine answers" in output
    assert "--chaos-runtime=processes" in output


def test_unknown_runtime(tmp_path: Path) -> None:
    output = _refused(
        run_pytest([SCENARIO, "--chaos-runtime=dockers"], directory=tmp_path), pytest.ExitCode.USAGE_ERROR
    )
    assert "invalid choice: 'dockers'" in output


def test_variable_without_a_value(tmp_path: Path) -> None:
    output = _refused(run_pytest([SCENARIO, "--chaos-env=DEFECT"], directory=tmp_path), pytest.ExitCode.USAGE_ERROR)
    assert "--chaos-env takes NAME=VALUE; found 'DEFECT'" in output


def test_foreign_address(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    file.write_text('name = "far"\n[start]\nattach = "ws://192.0.2.1:80"\n[endpoints.echo]\npath = "/"\n')
    output = _refused(
        run_pytest(
            [SCENARIO, f"--chaos-target={file}", "--chaos-runtime=attached"],
            directory=tmp_path,
        ),
        pytest.ExitCode.USAGE_ERROR,
    )
    assert "--chaos-allow-host=192.0.2.1" in output


def test_server_that_never_gets_healthy(write_target: WriteTarget, tmp_path: Path) -> None:
    deaf = 'import time\nprint("still thinking", flush=True)\ntime.sleep(60)\n'
    file = write_target(deaf, ready_within="500ms")
    output = _refused(
        run_pytest([SCENARIO, f"--chaos-target={file}"], directory=tmp_path), pytest.ExitCode.TESTS_FAILED
    )
    assert "nothing was tested" in output
    assert "still thinking" in output


def test_server_that_cannot_start(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target('raise SystemExit("no licence")\n')
    output = _refused(
        run_pytest([SCENARIO, f"--chaos-target={file}"], directory=tmp_path), pytest.ExitCode.TESTS_FAILED
    )
    assert "ended with exit code 1 before it was healthy" in output
    assert "no licence" in output


def test_command_that_is_not_there(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target(command='["no-such-program"]')
    output = _refused(
        run_pytest([SCENARIO, f"--chaos-target={file}"], directory=tmp_path), pytest.ExitCode.TESTS_FAILED
    )
    assert "no-such-program" in output


def test_server_that_dies_half_way(write_target: WriteTarget, tmp_path: Path) -> None:
    frail = """
    import asyncio, os, sys
    from websockets.asyncio.server import serve

    served = 0

    async def echo(connection):
        global served
        async for message in connection:
            await connection.send(message)
            served += 1
            if served > 8:
                print("out of cheese", flush=True)
                os._exit(3)

    async def main(port):
        async with serve(echo, "127.0.0.1", port, ping_interval=None, compression=None):
            await asyncio.get_running_loop().create_future()

    asyncio.run(main(int(sys.argv[1])))
    """
    file = write_target(frail)
    output = _refused(
        run_pytest([SCENARIO, f"--chaos-target={file}"], directory=tmp_path), pytest.ExitCode.TESTS_FAILED
    )
    assert "the server ended in the middle of the scenario, with exit code 3" in output
    assert "out of cheese" in output


def test_parallel_run_is_refused_with_its_reason(tmp_path: Path) -> None:
    ended = run_pytest([SCENARIO, "-p", "tests.plugin.fake_xdist"], directory=tmp_path)
    output = _refused(ended, pytest.ExitCode.USAGE_ERROR)
    assert "chaos scenarios do not run under pytest-xdist (-n)" in output
