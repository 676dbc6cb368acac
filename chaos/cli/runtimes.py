"""`python -m chaos runtimes`: the runtimes that can start a server on this machine, one name a line."""

from __future__ import annotations

import argparse
import sys

from chaos.runtime.selection import usable_runtimes

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--reasons", action="store_true", help="say on standard error why another one cannot")
    parser.add_argument(
        "--require",
        action="append",
        default=[],
        choices=("processes", "containers"),
        help="fail where this one cannot; may be repeated",
    )


def run(options: argparse.Namespace) -> int:
    code = 0
    for name, reason in usable_runtimes().items():
        if reason is None:
            print(name)
        elif name in options.require:
            print(f"error: {name} is required, and this machine cannot hold it: {reason}", file=sys.stderr)
            code = 1
        elif options.reasons:
            print(f"{name}: {reason}", file=sys.stderr)
    return code
