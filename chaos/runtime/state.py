"""The directory that a deployment keeps its sockets and logs in: private, short, gone at the end."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from pathlib import Path

from chaos.errors import ConfigurationError
from chaos.runtime.owner import Owner

__all__ = ["StateDirectory", "owned_state_directories", "remove_state_directory"]

_PREFIX = "chaos-"

_LONGEST_SOCKET_PATH = 107
"""Bytes of a unix socket's path (sun_path is 108 with its closing zero)."""

_ROOM_FOR_NAMES = 32
"""Bytes kept for the names of sockets inside; a socket is only reached by its whole path."""


class StateDirectory:
    """A directory of mode 0700 under the temporary directory, named after its owner.

    The name is known before the directory is there, so that its removal can be arranged first and an interruption
    in between leaves nothing.
    """

    def __init__(self, owner: Owner) -> None:
        self.name = f"{owner.token}-{secrets.token_hex(4)}"
        """Unique; also names the deployment in the marks of its processes and containers."""
        self.path = Path(tempfile.gettempdir()) / f"{_PREFIX}{self.name}"

    def make(self) -> Path:
        """Create it. Raises ConfigurationError where sockets inside would have too long a path for the kernel."""
        length = len(os.fsencode(self.path)) + _ROOM_FOR_NAMES
        if length > _LONGEST_SOCKET_PATH:
            raise ConfigurationError(
                f"the temporary directory {tempfile.gettempdir()} is too long a path: a socket in it would have "
                f"{length} bytes, {_LONGEST_SOCKET_PATH} are allowed; set TMPDIR to a shorter one"
            )
        self.path.mkdir(mode=0o700)
        return self.path

    def remove(self) -> None:
        """Remove it with everything in it; gone already is fine."""
        remove_state_directory(self.path)


def remove_state_directory(path: Path) -> None:
    """Remove it with everything in it; gone already is fine."""
    try:
        shutil.rmtree(path)
    except FileNotFoundError:
        return


def owned_state_directories() -> list[tuple[Owner, Path]]:
    """This user's state directories with the owner in their name, the living and the dead."""
    found = []
    with os.scandir(tempfile.gettempdir()) as entries:
        for entry in entries:
            if not entry.name.startswith(_PREFIX):
                continue
            owner = Owner.parse(entry.name.removeprefix(_PREFIX).rpartition("-")[0])
            # A directory may be removed by its owner while we look at it.
            with contextlib.suppress(FileNotFoundError):
                if owner is not None and entry.is_dir(follow_symlinks=False) and _is_ours(entry):
                    found.append((owner, Path(entry.path)))
    return found


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return entry.stat(follow_symlinks=False).st_uid == os.getuid()
