"""`python -m chaos schema`: the JSON Schema of target files, for editors."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from chaos.errors import ConfigurationError
from chaos.schema import SCHEMA_FILE, schema_text

__all__ = ["add_arguments", "run"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog = (
        "examples:\n"
        f"  python -m chaos schema > {SCHEMA_FILE}\n"
        "  python -m chaos schema --check\n\n"
        "An editor with TOML support (Even Better TOML, taplo) uses it by the first line of a target file:\n"
        "  #:schema ../target.schema.json\n"
    )
    parser.add_argument(
        "--check",
        metavar="FILE",
        nargs="?",
        type=Path,
        const=Path(SCHEMA_FILE),
        help=f"print nothing; fail when FILE ({SCHEMA_FILE}) is not current",
    )


def run(options: argparse.Namespace) -> int:
    if options.check is None:
        sys.stdout.write(schema_text())
        return 0
    try:
        current = options.check.read_text(encoding="utf-8") == schema_text()
    except OSError as error:
        raise ConfigurationError(f"cannot read {options.check}: {error.strerror}") from error
    if not current:
        raise ConfigurationError(
            f"{options.check} is not current; make it again: python -m chaos schema > {options.check}"
        )
    return 0
