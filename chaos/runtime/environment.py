"""Environment variables: what a server under test inherits, and what our own processes do."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

import chaos

__all__ = ["own_environment", "server_environment"]

_INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ", "TMPDIR", "LD_LIBRARY_PATH")
"""What a program needs to find its files and speak its language; nothing of a run may depend on the rest."""

PACKAGE_PARENT = Path(chaos.__file__).resolve().parent.parent


def server_environment(target: Mapping[str, str], *, extra: Mapping[str, str]) -> dict[str, str]:
    """The environment of a server: a few inherited variables, the target's own, and the caller's over them.

    PYTHONUNBUFFERED is set so that a Python server that dies has its last lines in the log.
    """
    inherited = {name: value for name, value in os.environ.items() if name in _INHERITED or name.startswith("LC_")}
    return {**inherited, "PYTHONUNBUFFERED": "1", **target, **extra}


def own_environment() -> dict[str, str]:
    """The environment of a helper process of ours, which imports the same `chaos` as this one."""
    path = [str(PACKAGE_PARENT), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}


def own_module(module: str, *arguments: str) -> list[str]:
    """The command line of a module of ours under this interpreter."""
    return [sys.executable, "-m", module, *arguments]
