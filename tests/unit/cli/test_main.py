"""The command line as a whole: finding a subcommand, ending with the right code, one clear line for a mistake."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chaos import cli
from chaos.cli import COMMANDS
from chaos.errors import ConfigurationError

from .conftest import ROOT, WITHIN, Invoke, in_a_process


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_the_overview_names_every_command(chaos: Invoke, arguments: tuple[str, ...]) -> None:
    result = chaos(*arguments)
    assert (result.code, result.err) == (0, "")
    for name, command in COMMANDS.items():
        assert f"  {name}  " in result.out
        assert command.summary in result.out
    assert "agent" not in COMMANDS, "the agent is started by the suite, not by hand"


@pytest.mark.parametrize("name", list(COMMANDS))
def test_every_command_has_help(chaos: Invoke, name: str) -> None:
    result = chaos(name, "--help")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"usage: python -m chaos {name} ")


def test_a_misspelt_command(chaos: Invoke) -> None:
    result = chaos("docter")
    assert (result.code, result.out) == (2, "")
    assert result.err == "error: python -m chaos has no command 'docter'; did you mean doctor?\n"


@pytest.mark.parametrize("name", ["xyzzy", "nosuch"])
def test_a_command_like_none(chaos: Invoke, name: str) -> None:
    result = chaos(name)
    assert result.code == 2
    assert result.err == f"error: python -m chaos has no command '{name}'; the commands are {', '.join(COMMANDS)}\n"


@pytest.mark.parametrize("name", ["survey", "incident", "replay", "soak-suite"])
def test_what_hands_options_on_to_pytest_says_where_they_stand(chaos: Invoke, name: str) -> None:
    assert chaos(name, "--help").out.splitlines()[0].endswith(" [-- OPTIONS]")


def test_an_unknown_option(chaos: Invoke) -> None:
    result = chaos("runs", "--jsn")
    assert result.code == 2
    assert result.err.endswith("python -m chaos runs: error: unrecognized arguments: --jsn\n")


def test_options_are_not_abbreviated(chaos: Invoke) -> None:
    """What works today by its first letters would break when another option is added."""
    assert chaos("runs", "--js").err.endswith("error: unrecognized arguments: --js\n")


def test_a_mistake_is_one_line_without_a_traceback(project: Path) -> None:
    result = in_a_process("report", cwd=project)
    assert result.code == 2
    assert result.err == (
        "error: no .chaos directory here or further up: no run has been recorded; `pytest -m chaos` records one\n"
    )


def test_several_mistakes_keep_their_lines(chaos: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(arguments: list[str]) -> int:
        raise ConfigurationError("x has 2 mistakes:\na\nb")

    monkeypatch.setattr(cli, "_dispatch", fail)
    assert chaos("anything").err == "error: x has 2 mistakes:\na\nb\n"


def test_an_interrupt_is_130_and_no_traceback(chaos: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(arguments: list[str]) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_dispatch", interrupted)
    result = chaos("anything")
    assert (result.code, result.err) == (130, "interrupted\n")


def test_ctrl_c_for_real(project: Path) -> None:
    """A process that is held up in its work and gets SIGINT, as from a terminal."""
    fifo = project / "schema"
    os.mkfifo(fifo)
    process = subprocess.Popen(
        [sys.executable, "-m", "chaos", "schema", "--check", "schema"],
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stderr=subprocess.PIPE,
        text=True,
    )
    with fifo.open("w"):  # opens when the other side does, so it is in the middle of reading
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=WITHIN)
    assert (process.returncode, err) == (130, "interrupted\n")


def test_a_reader_that_has_had_enough_is_no_error(project: Path) -> None:
    read, write = os.pipe()
    os.close(read)
    process = subprocess.run(
        [sys.executable, "-m", "chaos", "schema"],
        cwd=project,
        env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        timeout=WITHIN,
        check=False,
    )
    os.close(write)
    assert (process.returncode, process.stderr) == (141, "")


def test_the_overview_imports_none_of_the_commands(project: Path) -> None:
    script = (
        "import sys; from chaos.cli import main; main([]); "
        "loaded = [name for name in sys.modules if name.startswith('chaos.')]; "
        "print(loaded, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=WITHIN,
        check=True,
    )
    assert done.stderr == "['chaos.errors', 'chaos.cli']\n"
