"""Whatever is wrong: one clear error with the remedy, no traceback, nothing left running, pytest's exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chaos.errors import EngineUnavailable
from chaos.runtime.engine import Engine, find_engine
from tests.leftovers import leftovers
from tests.plugin.conftest import WriteTarget
from tests.running import ROOT, Ended, run_pytest

SCENARIO = "tests/scenarios/test_establishment.py::test_simultaneous[calm]"


def _refused(ended: Ended, code: int) -> str:
    """The output of a run that ended with the code, without a traceback and with nothing left behind."""
    output = ended.stdout + ended.stderr
    assert ended.returncode == code, output
    assert "Traceback" not in output
    assert leftovers(ended.pid) == []
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


def test_server_that_answers_something_else(write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target(more="")
    text = file.read_text().replace('path = "/"', 'path = "/"\nsend = "ping {n}"\nexpect = "pong {n}"')
    file.write_text(text)
    output = _refused(
        run_pytest([SCENARIO, f"--chaos-target={file}"], directory=tmp_path), pytest.ExitCode.TESTS_FAILED
    )
    said = " ".join(output.split())
    assert f"nothing was tested: small is healthy and does not converse as {file} says: " in said
    assert "no right answer, but 'ping 1', within" in said
    assert "correct path, send or expect of endpoints.echo, or the server" in said


def test_server_that_has_no_such_path(write_target: WriteTarget, tmp_path: Path) -> None:
    refuses = """
        import asyncio, http, sys
        from websockets.asyncio.server import serve

        async def main(port):
            refuse = lambda connection, request: connection.respond(http.HTTPStatus.NOT_FOUND, "")
            async with serve(lambda _: None, "127.0.0.1", port, process_request=refuse):
                await asyncio.get_running_loop().create_future()

        asyncio.run(main(int(sys.argv[1])))
    """
    file = write_target(refuses)
    output = _refused(
        run_pytest([SCENARIO, f"--chaos-target={file}"], directory=tmp_path), pytest.ExitCode.TESTS_FAILED
    )
    assert "HTTP 404" in output


def test_no_target_named_where_there_is_no_default(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    scenario = ROOT / "tests" / "scenarios" / "test_establishment.py"
    ended = run_pytest(
        [
            "-p",
            "fixtures.plugin",
            f"--rootdir={tmp_path}",
            f"-c{tmp_path}/pytest.ini",
            f"{scenario}::test_simultaneous",
        ],
        directory=tmp_path,
    )
    assert "no target was named, and the default is not there: give --chaos-target=FILE" in _refused(
        ended, pytest.ExitCode.USAGE_ERROR
    )


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
    ended = run_pytest([SCENARIO, "-n", "2"], directory=tmp_path)
    output = _refused(ended, pytest.ExitCode.USAGE_ERROR)
    assert "chaos scenarios do not run under pytest-xdist (-n)" in output


# -- images -------------------------------------------------------------------------------------------------------

QUICKLY = 60.0
"""Seconds for an image that cannot be had to be told: 2.5 s here, and more than 30 under a load of 16; a pull that is
given up by a deadline takes 120 s."""


@pytest.fixture
def engine() -> Engine:
    try:
        return find_engine()
    except EngineUnavailable as error:
        pytest.skip(str(error))


def _without_an_image(engine: Engine, options: list[str], *, home: Path | None, directory: Path) -> str:
    """What a run says, in one line; without a home the engine is one whose registries may be asked."""
    began = time.monotonic()
    ended = run_pytest(
        [SCENARIO, "--chaos-runtime=containers", *options],
        directory=directory,
        env={
            "DOCKER_HOST": engine.host,
            "CHAOS_PYTHON_IMAGE": engine.python_image,
            "CHAOS_TOXIPROXY_IMAGE": engine.toxiproxy_image,
            "CHAOS_ENGINE_HOME": str(home or directory),
        },
    )
    assert time.monotonic() - began < QUICKLY
    return " ".join(_refused(ended, pytest.ExitCode.TESTS_FAILED).split())


@pytest.mark.parametrize("option", ["--chaos-image", "--chaos-python-image", "--chaos-toxiproxy-image"])
def test_image_that_no_registry_gives(option: str, engine: Engine, tmp_path: Path) -> None:
    image = "127.0.0.1:1/no/such:image"  # a registry on this machine, at a port where nobody ever listens
    said = _without_an_image(engine, [f"{option}={image}"], home=None, directory=tmp_path)
    assert f"ERROR: nothing was tested: image {image} is neither local nor to be pulled: " in said
    assert "connection refused" in said
    assert (
        f"; check the registry, name another one with {option}, or run `make engine` for the air-gapped set-up "
        "(Debian, root)"
    ) in said


def test_image_that_the_air_gapped_set_up_does_not_have(engine: Engine, tmp_path: Path) -> None:
    if engine.home is None:
        pytest.skip("the engine is not the air-gapped set-up's")
    said = _without_an_image(engine, ["--chaos-image=no/such:image"], home=engine.home, directory=tmp_path)
    assert (
        "ERROR: nothing was tested: image no/such:image is not local, and the air-gapped set-up asks no registry; run "
        "`make engine` to make the suite's own, load it with `docker load`, or name another one with --chaos-image"
    ) in said


def test_image_that_cannot_be_built(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nRUN echo no licence >&2; exit 3\n")
    file = tmp_path / "target.toml"
    file.write_text(
        'name = "unbuilt"\n[start]\nbuild = "."\nport = 80\n[endpoints.echo]\npath = "/"\n'
        '[promises.establishment]\nwithin = "2s"\n'
    )
    said = _without_an_image(engine, [f"--chaos-target={file}"], home=None, directory=tmp_path)
    assert (
        f"ERROR: nothing was tested: {tmp_path} cannot be built into chaos/unbuilt:local; correct its Dockerfile, name "
        "an image that is there with --chaos-image, or take the processes runtime (--chaos-runtime=processes); the "
        "last lines of its log: "
    ) in said
    assert "no licence" in said
    assert "\x1b" not in said.partition("the last lines of its log")[2]


# -- ports: in a namespace and in containers there is nobody who could have taken one ------------------------------


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of this machine's loopback that this process listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_port_taken_that_is_the_servers_own(taken: int, write_target: WriteTarget, tmp_path: Path) -> None:
    file = write_target(command=f'["{{python}}", "server.py", "{taken}"]\nport = {taken}')
    scenario = [SCENARIO, "--chaos-runtime=processes", f"--chaos-target={file}"]
    ended = run_pytest([*scenario, "-p", "tests.plugin.no_namespaces"], directory=tmp_path)
    said = " ".join(_refused(ended, pytest.ExitCode.TESTS_FAILED).split())
    assert f"ERROR: nothing was tested: port {taken} of 127.0.0.1 is taken by pid {os.getpid()} (" in said
    assert (
        "), so small cannot listen there; end that program, or write {port} into start.command to be given a free one"
    ) in said


def test_port_taken_is_no_matter_where_the_server_is_given_a_free_one(
    taken: int, write_target: WriteTarget, tmp_path: Path
) -> None:
    file = write_target(command=f'["{{python}}", "server.py", "{{port}}"]\nport = {taken}')
    scenario = [SCENARIO, "--chaos-runtime=processes", f"--chaos-target={file}"]
    ended = run_pytest([*scenario, "-p", "tests.plugin.no_namespaces"], directory=tmp_path)
    _refused(ended, pytest.ExitCode.OK)


def test_port_taken_of_a_proxy_that_is_started_by_hand(taken: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "chaos", "proxy", "--port", str(taken)],
        cwd=ROOT, capture_output=True, text=True, timeout=QUICKLY, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        f"error: the API has no address: listen tcp 127.0.0.1:{taken}: bind: address already in use; choose another "
        "with --host and --port (0: any free port)\n"
    )


def test_nobody_where_the_suite_is_to_attach(tmp_path: Path) -> None:
    file = tmp_path / "target.toml"
    file.write_text(
        'name = "away"\n[start]\nattach = "ws://127.0.0.1:1"\n[endpoints.echo]\npath = "/"\n'
        '[promises.establishment]\nwithin = "2s"\n'
    )
    ended = run_pytest([SCENARIO, f"--chaos-target={file}", "--chaos-runtime=attached"], directory=tmp_path)
    said = " ".join(_refused(ended, pytest.ExitCode.TESTS_FAILED).split())
    assert (
        "ERROR: nothing was tested: away is to be attached to, and no connection to 127.0.0.1:1 (Connection refused); "
        "start it first, or correct start.attach or start.health"
    ) in said
