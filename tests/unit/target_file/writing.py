"""Writing target files, and reading what is said of them."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from chaos.errors import ConfigurationError
from chaos.target_file import load_target

MINIMAL = """
name = "mine"
[start]
command = ["server"]
[endpoints.echo]
path = "/ws"
"""


DURATION = 'a duration, text with a unit (us, ms, s, m, min, h, d), such as "30s" or "250ms"'


SIZE = 'a size, text with a unit (B, kB, KB, MB, GB, KiB, MiB, GiB), such as "5MB" or "64KiB"'


PATH = r'text that matches ^/[^\s#]*$, such as "/ws"'


def write(directory: Path, text: str) -> Path:
    path = directory / "target.toml"
    path.write_text(dedent(text), encoding="utf-8")
    return path


def complaint(path: Path) -> str:
    """What load_target says, with `FILE` in place of the path."""
    with pytest.raises(ConfigurationError) as caught:
        load_target(path)
    return str(caught.value).replace(str(path), "FILE").replace(str(path.parent), "DIR")
