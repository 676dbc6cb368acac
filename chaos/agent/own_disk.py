"""A disk of a server's own: a small file system in memory, mounted where nobody but the server sees it.

It is mounted in a mount namespace that the server's first process makes for itself, and ends with its last one. Who
looks into it from outside goes through the root directory of a process that is inside.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from chaos.capability import Availability

__all__ = ["DISK", "SIZE", "disk_availability", "on_own_disk", "own_disk"]

DISK = "chaos-disk"
"""Name of the directory that it is mounted at: by it the mount is known."""

SIZE = "4m"
"""Bytes, as mount has it: room for a server's log of some minutes, and filled within milliseconds."""

_MOUNT = 'mount -t tmpfs -o size={size},mode=1777 {name} "$1" && shift && exec "$@"'
_PROBE_WITHIN = 10.0
"""Seconds for a namespace and a mount, which take 10 ms."""

_ESCAPED = re.compile(r"\\([0-7]{3})")
"""How the kernel writes spaces and the like in a path."""


def on_own_disk(argv: list[str], directory: Path) -> list[str]:
    """The command line of a program that finds an empty disk of its own at `directory`, and keeps its pid."""
    return ["unshare", "--mount", "--", "sh", "-c", _MOUNT.format(size=SIZE, name=DISK), "sh", str(directory), *argv]


def disk_availability(prefix: list[str]) -> Availability:
    """Whether a program that is started behind `prefix` can be given one; found out by giving one to `true`."""
    if shutil.which("unshare") is None:
        return Availability.no("unshare is not installed", remedy="install util-linux")
    try:
        done = subprocess.run(
            [*prefix, *on_own_disk(["true"], Path("/"))],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_PROBE_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Availability.no(f"a mount did not end within {_PROBE_WITHIN:g} s", remedy="run as root")
    if done.returncode == 0:
        return Availability.yes()
    said = " ".join(done.stderr.split())[-200:] or f"exit code {done.returncode}"
    return Availability.no(
        f"nothing can be mounted for the server alone: {said}",
        remedy="run as root, or where unprivileged user namespaces are allowed",
    )


def own_disk(pid: int) -> Path | None:
    """Where a process's own disk is reached from here; None where it has none."""
    try:
        mounts = Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    for mount in mounts:
        fields, _, kind = mount.partition(" - ")
        point = _ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields.split()[4])
        if Path(point).name == DISK and kind.startswith("tmpfs "):
            return Path(f"/proc/{pid}/root{point}")
    return None
