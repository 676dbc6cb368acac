"""The command line: one module for each subcommand, imported only when it is asked for.

Each has `add_arguments(parser)` and `run(options) -> exit code`, and `PASSES_ON = True` where what stands after `--` is
handed on to pytest. Exit codes are 0, 1 where what was looked at is red, 2
for a mistake of the caller or something this machine cannot do (one clear message, no traceback), and 130 after Ctrl-C;
`replay` ends as pytest does.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from chaos.errors import ChaosError

__all__ = ["COMMANDS", "EXIT_INTERRUPTED", "EXIT_USAGE", "main"]

EXIT_USAGE = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
"""128 + SIGPIPE: whoever read our output has had enough."""
PROGRAM = "python -m chaos"
NEAR = 0.7
"""How like a command a word is that means it: "docter" is, by 0.83, and "nosuch" is "schema" by 0.5."""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand: where it lives and what the overview says of it."""

    module: str
    summary: str


COMMANDS = {
    "doctor": Command("chaos.cli.doctor", "what this machine can do, what that leaves out, and the remedies"),
    "runs": Command("chaos.cli.runs", "list the runs that were recorded"),
    "report": Command("chaos.cli.report", "show a run's matrix again and write its HTML report"),
    "replay": Command("chaos.cli.replay", "run one cell of a run again: same test, target, runtime and seed"),
    "compare": Command("chaos.cli.compare", "what a change has done: a run before it beside one after it"),
    "detection": Command("chaos.cli.detection", "how long dead peers were held, over one run or several of one target"),
    "runtimes": Command("chaos.cli.runtimes", "list the runtimes that this machine can hold"),
    "soak-suite": Command("chaos.cli.soak_suite", "run the whole matrix many times and bound its red rate"),
    "survey": Command("chaos.cli.survey", "run the matrix against several servers; one table of them all"),
    "incident": Command("chaos.cli.incident", "run an incident before and after its fix: reproduced, and fixed?"),
    "faults": Command("chaos.cli.faults", "every fault by family: what it does, and what it needs of the machine"),
    "schema": Command("chaos.cli.schema", "print the JSON Schema of target files"),
    "proxy": Command(
        "chaos.links.embedded.command", "a TCP proxy with Toxiproxy's HTTP API and toxics, needing no Go binary"
    ),
}

_OVERVIEW = """\
usage: {program} COMMAND [OPTIONS]

Tools around the WebSocket chaos suite. The suite itself runs under pytest: `pytest -m chaos`.

{commands}

`{program} COMMAND --help` says more about one of them.

examples:
  {program} doctor                        before the first run
  {program} report                        the newest run once more
  {program} replay latest CELL            what failed, again, alone
  {program} faults                        what all those faults are
"""


def main(arguments: Sequence[str]) -> int:
    """Run a subcommand; gives the exit code."""
    try:
        code = _dispatch(list(arguments))
        sys.stdout.flush()  # so that a closed pipe is noticed here
        return code
    except ChaosError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_USAGE
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # the interpreter flushes once more at its end; that must not fail too
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_BROKEN_PIPE


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(overview(), end="")
        return 0
    name, *rest = arguments
    passed_on: list[str] = []
    if "--" in rest:
        rest, passed_on = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    command = COMMANDS.get(name)
    if command is None:
        near = get_close_matches(name, COMMANDS, n=1, cutoff=NEAR)
        hint = f"did you mean {near[0]}?" if near else f"the commands are {', '.join(COMMANDS)}"
        print(f"error: {PROGRAM} has no command {name!r}; {hint}", file=sys.stderr)
        return EXIT_USAGE
    module = importlib.import_module(command.module)
    parser = argparse.ArgumentParser(
        prog=f"{PROGRAM} {name}",
        description=_sentence(command.summary),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    if getattr(module, "PASSES_ON", False):
        parser.usage = f"{' '.join(parser.format_usage().removeprefix('usage: ').split())} [-- OPTIONS]"
    options = parser.parse_args(rest)
    options.passed_on = passed_on
    code: int = module.run(options)
    return code


def _sentence(summary: str) -> str:
    """With a capital and a full stop, where it does not end in a mark of its own."""
    text = summary[0].upper() + summary[1:]
    return text if text.endswith("?") else f"{text}."


def overview() -> str:
    """What `--help` prints."""
    wide = max(map(len, COMMANDS)) + 2
    lines = (f"  {name:<{wide}}{command.summary}" for name, command in COMMANDS.items())
    return _OVERVIEW.format(program=PROGRAM, commands="\n".join(lines))
