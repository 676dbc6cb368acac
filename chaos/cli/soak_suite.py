"""`python -m chaos soak-suite`: the whole matrix again and again, and how sure that makes us of its reds."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from chaos.errors import ConfigurationError
from chaos.runtime.selection import usable_runtimes
from chaos.soak import Tally, load_tally, save_tally

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--runs", type=int, default=20, help="whole runs in each runtime, earlier ones included (%(default)s)"
    )
    parser.add_argument("--runtime", action="append", help="only this runtime; may be repeated (default: all usable)")
    parser.add_argument(
        "--state", type=Path, default=Path(".chaos"), help="where runs and tallies are kept (%(default)s)"
    )
    parser.epilog = (
        "Runs accumulate per commit; Ctrl-C loses the run under way and no other. Options after -- go to pytest."
    )


def run(options: argparse.Namespace) -> int:
    if options.runs < 1:
        raise ConfigurationError(f"--runs is at least 1; found {options.runs}")
    commit = _commit()
    usable = [name for name, reason in usable_runtimes().items() if reason is None]
    runtimes = options.runtime or usable
    for name in runtimes:
        if name not in usable:
            raise ConfigurationError(f"--runtime {name} cannot be used here; usable are {', '.join(usable)}")
    files = {name: options.state / "soak" / f"{commit}-{name}.json" for name in runtimes}
    tallies = {name: load_tally(path) for name, path in files.items()}
    # In turn, so that a machine that gets slower in the meantime does so for all of them.
    while any(tally.runs < options.runs for tally in tallies.values()):
        for name in runtimes:
            if tallies[name].runs < options.runs:
                tallies[name] = _one_more(name, tallies[name], options)
                save_tally(files[name], tallies[name])
                print(f"[{tallies[name].runs}/{options.runs}] {tallies[name].sentence(name)}", flush=True)
    for name in runtimes:
        print(tallies[name].sentence(name))
        for red in tallies[name].reds:
            print(f"    red: python -m chaos report {red}")
    return 1 if any(tally.red for tally in tallies.values()) else 0


def _one_more(runtime: str, tally: Tally, options: argparse.Namespace) -> Tally:
    began = time.monotonic()
    command = [
        sys.executable, "-m", "pytest", "-m", "chaos and not slow", "-q", "--no-header", "-p", "no:cacheprovider",
        f"--chaos-runtime={runtime}", f"--chaos-dir={options.state}", *options.passed_on,
    ]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    green = ended.returncode == 0
    if not green:
        print("\n".join(ended.stdout.splitlines()[-60:]), flush=True)
    latest = options.state / "latest"
    run_id = latest.resolve().name if latest.exists() else "?"
    return tally.counted(green=green, seconds=time.monotonic() - began, run=run_id)


def _commit() -> str:
    """The commit that is checked out, marked where files differ from it: figures belong to what was measured."""
    try:
        head = subprocess.run(["git", "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=True)
        dirty = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "no-commit"
    return head.stdout.strip() + ("-changed" if dirty.stdout.strip() else "")
