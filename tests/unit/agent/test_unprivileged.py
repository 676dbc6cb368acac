"""Everything works for a user without any privilege, where unprivileged user namespaces are allowed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .support import HERE

NOBODY = 65534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--bounding-set=-all"]
ROOT = HERE.parents[2]


def test_as_nobody(directory: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("this user has no privilege, so that all the other tests show it")
    if shutil.which("setpriv") is None:
        pytest.skip("becoming nobody needs setpriv; install util-linux")
    python = _python_for_nobody()
    os.chown(directory, NOBODY, NOBODY)
    done = subprocess.run(
        [*AS_NOBODY, python, "-B", "-m", "tests.unit.agent.unprivileged", str(directory)],
        cwd=ROOT,
        env={**os.environ, "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    if seen["kind"] != "USER":
        pytest.skip(f"unprivileged user namespaces cannot be had: {seen['why']}")
    # Where a session has its control groups delegated, and where the kernel has the disciplines for it.
    for name in ("cpu_limit", "memory_limit", "narrow_line"):
        seen["can"].pop(name)
    assert seen == {
        "uid": NOBODY,
        "kind": "USER",
        "why": "",
        "can": dict.fromkeys(("nft", "nft_loss", "nft_reset", "sock_diag", "sock_destroy", "tcp_repair"), True),
        "spared": "hello",
        "dropped": True,
        "healed": "x",
        "sockets": {"ESTABLISHED": 2},
        "processes": [1, True, True],
        "owners": True,
        "gone": True,
    }


def _python_for_nobody() -> str:
    """A Python from 3.11 that nobody may run and that may read this repository."""
    script = (
        "import asyncio, subprocess, sys\n"
        f"open({str(HERE / 'support.py')!r}).close()\n"
        "subprocess.run([sys.executable, '-c', ''], check=True)\n"
        "sys.exit(sys.version_info < (3, 11))\n"
    )
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        if subprocess.run([*AS_NOBODY, python, "-c", script], capture_output=True, check=False).returncode == 0:
            return python
    pytest.skip("no Python from 3.11 that nobody may run together with this repository; install one in /usr")
