"""Makes what the strangers need to run: `python targets/strangers/environments.py`.

One environment a stranger, in `.chaos/strangers/NAME` of the repository, from the pins in its folder:
requirements.txt (a virtual environment), package.json (npm) or go.mod (one binary). What is there already and was made
from the same pins is left alone. Prints NAME and the version of its server, one a line.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parents[1] / ".chaos" / "strangers"
STAMP = ".made-from"
PINS = ("requirements.txt", "package.json", "go.mod")
SERVERS = {
    "socketio": "socket.io",
    "uvicorn-wsproto": "uvicorn",
    "gorilla": "github.com/gorilla/websocket",
    "coder": "github.com/coder/websocket",
}
"""The package a stranger is about, where it is not called as its folder."""


def strangers() -> list[Path]:
    """The folders of all strangers, by name."""
    return sorted(path.parent for path in HERE.glob("*/target.toml"))


def pins(stranger: Path) -> dict[str, str]:
    """Package to version, as the stranger's folder pins them. Raises ValueError for one that is not exact."""
    found: dict[str, str] = {}
    if (file := stranger / "requirements.txt").is_file():
        for line in file.read_text(encoding="utf-8").split():
            name, _, version = line.partition("==")
            found[name.lower()] = version
    elif (file := stranger / "package.json").is_file():
        found = json.loads(file.read_text(encoding="utf-8"))["dependencies"]
    else:
        file = stranger / "go.mod"
        text = file.read_text(encoding="utf-8")
        found = {name: version.removeprefix("v") for name, version in re.findall(r"(\S+/\S+) (v\S+)", text)}
    for name, version in found.items():
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", version):
            raise ValueError(f"{file}: {name} is not pinned to one version; found {version!r}, write {name} 1.2.3")
    return found


def version(stranger: Path) -> str:
    """The version of the server itself."""
    return pins(stranger)[SERVERS.get(stranger.name, stranger.name)]


def make(stranger: Path, environment: Path) -> bool:
    """Make a stranger's environment; False where it was there. Raises CalledProcessError, OSError."""
    digest = _digest(stranger)
    stamp = environment / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return False
    shutil.rmtree(environment, ignore_errors=True)
    environment.mkdir(parents=True)
    if (stranger / "requirements.txt").is_file():
        _run([sys.executable, "-m", "venv", str(environment)])
        pip = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", "--requirement", str(stranger / "requirements.txt")])
    elif (stranger / "package.json").is_file():
        shutil.copy(stranger / "package.json", environment)
        _run(["npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund"], cwd=environment)
    else:
        _run(["go", "build", "-o", str(environment / "server"), "."], cwd=stranger)
    stamp.write_text(digest, encoding="utf-8")  # last: what was interrupted is made again
    return True


def _digest(stranger: Path) -> str:
    """Of all that an environment is made from, this Python among it."""
    made_from = hashlib.sha256(sys.version.encode())
    for path in sorted(stranger.iterdir()):
        if path.name in (*PINS, "go.sum") or path.suffix == ".go":
            made_from.update(path.name.encode() + b"\0" + path.read_bytes())
    return made_from.hexdigest()


def _run(command: list[str], *, cwd: Path = HERE) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdout=sys.stderr, env={**os.environ, "GOTOOLCHAIN": "local"})


def main() -> int:
    for stranger in strangers():
        try:
            made = make(stranger, ENVIRONMENTS / stranger.name)
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"error: {stranger.name} cannot be set up: {error}", file=sys.stderr)
            return 1
        print(f"{stranger.name} {version(stranger)}{'' if made else ' (was there)'}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
