"""`python -m chaos soak-suite`: the whole matrix again and again, and how sure that makes us of its reds."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chaos.errors import ConfigurationError
from chaos.red_rate import Tally, load_tally, save_tally
from chaos.runtime.selection import usable_runtimes

__all__ = ["add_arguments", "run"]

PASSES_ON = True
"""What stands after `--` goes to pytest."""

AT_LEAST_ONE = "--chaos-require=1"
"""A run that judged nothing is no green one: it would lower the bound on the red rate by saying nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=int, default=20, help="whole runs in each runtime, earlier ones included (%(default)s)"
    )
    parser.add_argument("--runtime", action="append", help="only this runtime; may be repeated (default: all usable)")
    parser.add_argument(
        "--state", type=Path, default=Path(".chaos"), help="where runs and tallies are kept (%(default)s)"
    )
    parser.add_argument(
        "--collect",
        action="append",
        default=[],
        metavar="PATH",
        help="where pytest looks for scenarios; may be repeated (default: where its own configuration says)",
    )
    parser.epilog = (
        "Runs accumulate per commit, what differs from it and what is passed on; Ctrl-C loses the run under way and no "
        "other. Options after -- go to pytest."
    )


def run(options: argparse.Namespace) -> int:
    if options.runs < 1:
        raise ConfigurationError(f"--runs is at least 1; found {options.runs}")
    measured = _measured(options)
    usable = [name for name, reason in usable_runtimes().items() if reason is None]
    runtimes = options.runtime or usable
    for name in runtimes:
        if name not in usable:
            raise ConfigurationError(f"--runtime {name} cannot be used here; usable are {', '.join(usable)}")
    files = {name: options.state / "soak" / f"{measured}-{name}.json" for name in runtimes}
    tallies = {name: load_tally(path) for name, path in files.items()}
    # In turn, so that a machine that gets slower in the meantime does so for all of them.
    while any(tally.runs < options.runs for tally in tallies.values()):
        for name in runtimes:
            if tallies[name].runs < options.runs:
                tallies[name] = _one_more(name, tallies[name], files[name], options)
                save_tally(files[name], tallies[name])
                print(f"[{tallies[name].runs}/{options.runs}] {tallies[name].sentence(name)}", flush=True)
    for name in runtimes:
        print(tallies[name].sentence(name))
        for red in tallies[name].reds:
            print(f"    red: python -m chaos report {red}" if red in _runs(options.state) else f"    red: {red}")
    return 1 if any(tally.red for tally in tallies.values()) else 0


def _one_more(runtime: str, tally: Tally, file: Path, options: argparse.Namespace) -> Tally:
    began = time.monotonic()
    known = _runs(options.state)
    ended = _run_pytest([
        *options.collect, "-m", "chaos and not slow", "-q", "--no-header", "-p", "no:cacheprovider",
        f"--chaos-runtime={runtime}", f"--chaos-dir={options.state}", AT_LEAST_ONE, *options.passed_on,
    ])  # fmt: skip
    seconds = time.monotonic() - began
    green = ended.returncode == 0
    if not green:
        print("\n".join(ended.stdout.splitlines()[-60:]), flush=True)
    made = sorted(_runs(options.state) - known)
    if made or green:
        return tally.counted(green=green, seconds=seconds, run=made[-1] if made else "")
    # It died before it had a directory: what it said is all there is to look at.
    said = file.with_name(f"{file.stem}-{tally.runs + 1}.log")
    said.parent.mkdir(parents=True, exist_ok=True)
    said.write_text(ended.stdout + ended.stderr, encoding="utf-8")
    return tally.counted(green=False, seconds=seconds, run=str(said))


def _runs(state: Path) -> set[str]:
    """The ids of the runs there are; the newest is the last in order, for an id begins with the time."""
    return {path.name for path in (state / "runs").glob("*")}


def _run_pytest(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "pytest", *arguments], capture_output=True, text=True, check=False)


def _measured(options: argparse.Namespace) -> str:
    """What the figures belong to: the commit that is checked out, what differs from it, and what else was asked for."""
    asked = [options.collect, options.passed_on]
    return _commit() + (f"-asked-{_digest(json.dumps(asked).encode())}" if any(asked) else "")


def _commit() -> str:
    """The commit, with a digest of what differs from it: each state of a tree that is worked on has its own tally."""
    try:
        head = _git("rev-parse", "--short=12", "HEAD").decode().strip()
        top = Path(_git("rev-parse", "--show-toplevel").decode().strip())
        differing = _git("-C", str(top), "diff", "--binary", "HEAD")
        untracked = _git("-C", str(top), "ls-files", "-z", "--others", "--exclude-standard")
    except (OSError, subprocess.CalledProcessError):
        return "no-commit"
    for name in filter(None, untracked.split(b"\0")):
        path = top / os.fsdecode(name)
        differing += name + b"\0" + (path.read_bytes() if path.is_file() else b"") + b"\0"
    return head + (f"-changed-{_digest(differing)}" if differing else "")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], capture_output=True, check=True).stdout


def _digest(of: bytes) -> str:
    """Eight hexadecimal digits: enough to tell the states of one working tree apart."""
    return hashlib.sha256(of).hexdigest()[:8]
