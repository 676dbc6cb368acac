"""Makes what servers with dependencies of their own need to run: `python targets/environments.py FOLDER...`.

One environment for each folder below targets/, at the same path in `.chaos` of the repository, from the pins in it:
requirements.txt (a virtual environment), package.json (npm) or go.mod (one binary). A folder without pins stands for
those in it that have some. What is there already and was made from the same pins is left alone. Prints each folder, and
the version of the server it is about where its pins name one.

    python targets/environments.py --able targets/incidents/*/    # makes nothing: those that this machine could make
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent / ".chaos"
STAMP = ".made-from"
PINS = {"requirements.txt": "python", "package.json": "npm", "go.mod": "go"}
"""A file that pins, and the program that makes an environment from it. Python is there: it runs this."""
SERVERS = {
    "socketio": "socket.io",
    "uvicorn-wsproto": "uvicorn",
    "gorilla": "github.com/gorilla/websocket",
    "coder": "github.com/coder/websocket",
}
"""The package a server is about, where it is not called as its folder."""


def environment_of(folder: Path) -> Path:
    """Where the environment of a folder is. Raises ValueError for one that is not below targets/."""
    return ENVIRONMENTS / folder.relative_to(HERE)


def parts(folder: Path) -> list[Path]:
    """The folders that an environment is made for: this one, where it has pins, or those in it that have."""
    if any((folder / name).is_file() for name in PINS):
        return [folder]
    return sorted({file.parent for name in PINS for file in folder.glob(f"*/{name}")})


def lacking(folder: Path) -> list[str]:
    """The programs that its environments take and that are not on this machine."""
    named = {PINS[name] for part in parts(folder) for name in PINS if (part / name).is_file()}
    return sorted(program for program in named - {"python"} if shutil.which(program) is None)


def pins(folder: Path) -> dict[str, str]:
    """Package to version, as a folder pins them. Raises ValueError for one that is not exact, OSError for no pins."""
    found: dict[str, str] = {}
    if (file := folder / "requirements.txt").is_file():
        for line in file.read_text(encoding="utf-8").split():
            name, _, version = line.partition("==")
            found[name.lower()] = version
    elif (file := folder / "package.json").is_file():
        found = json.loads(file.read_text(encoding="utf-8"))["dependencies"]
    else:
        file = folder / "go.mod"
        text = file.read_text(encoding="utf-8")
        found = {name: version.removeprefix("v") for name, version in re.findall(r"(\S+/\S+) (v\S+)", text)}
    for name, version in found.items():
        if not re.fullmatch(r"[0-9]+(\.[0-9]+)+", version):
            raise ValueError(f"{file}: {name} is not pinned to one version; found {version!r}, write {name} 1.2.3")
    return found


def version(folder: Path) -> str | None:
    """The version of the server that a folder is about; None where it is about none that is pinned."""
    return pins(folder).get(SERVERS.get(folder.name, folder.name))


def make(folder: Path, environment: Path) -> bool:
    """Make a folder's environment; False where it was there. Raises CalledProcessError, OSError."""
    digest = _digest(folder)
    stamp = environment / STAMP
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == digest:
        return False
    shutil.rmtree(environment, ignore_errors=True)
    environment.mkdir(parents=True)
    if (folder / "requirements.txt").is_file():
        _run([sys.executable, "-m", "venv", str(environment)])
        pip = [str(environment / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        _run([*pip, "--no-deps", "--requirement", str(folder / "requirements.txt")])
    elif (folder / "package.json").is_file():
        shutil.copy(folder / "package.json", environment)
        _run(["npm", "install", "--silent", "--no-package-lock", "--no-audit", "--no-fund"], cwd=environment)
    else:
        _run(["go", "build", "-o", str(environment / "server"), "."], cwd=folder)
    stamp.write_text(digest, encoding="utf-8")  # last: what was interrupted is made again
    return True


def _digest(folder: Path) -> str:
    """Of all that an environment is made from, this Python among it."""
    made_from = hashlib.sha256(sys.version.encode())
    for path in sorted(folder.iterdir()):
        if path.name in (*PINS, "go.sum") or path.suffix == ".go":
            made_from.update(path.name.encode() + b"\0" + path.read_bytes())
    return made_from.hexdigest()


def _run(command: list[str], *, cwd: Path = HERE) -> None:
    subprocess.run(command, cwd=cwd, check=True, stdout=sys.stderr, env={**os.environ, "GOTOOLCHAIN": "local"})


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Whoever wants the same environment at the same time finds it made."""
    ENVIRONMENTS.mkdir(exist_ok=True)
    with (ENVIRONMENTS / "environments.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    folders = [folder.resolve() for folder in asked.folders]
    if without := [folder for folder in folders if not parts(folder)]:
        print(f"error: {without[0]} holds none of {', '.join(PINS)}, nor does a folder in it", file=sys.stderr)
        return 1
    if asked.able:
        for folder in folders:
            if programs := lacking(folder):
                print(f"{folder.name} is left out: it takes {' and '.join(programs)}", file=sys.stderr)
            else:
                print(os.path.relpath(folder))
        return 0
    for folder in [part for each in folders for part in parts(each)]:
        try:
            with _one_at_a_time():
                made = make(folder, environment_of(folder))
            about = f"{os.path.relpath(folder, HERE)} {version(folder) or ''}".rstrip()
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            print(f"error: {folder} cannot be set up: {error}", file=sys.stderr)
            return 1
        print(f"{about}{'' if made else ' (was there)'}", flush=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    assert __doc__ is not None
    parser = argparse.ArgumentParser(
        prog="python targets/environments.py",
        description=__doc__.partition("\n\n")[2].partition("\n\n")[0],
        epilog="Ends with 0, 1 where one could not be made, which stops it, 2 for a wrong option.",
    )
    parser.add_argument(
        "folders", nargs="+", type=Path, metavar="FOLDER", help="below targets/, with pins in it or inside"
    )
    parser.add_argument(
        "--able", action="store_true", help="make nothing: print those whose programs (npm, go) this machine has"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
