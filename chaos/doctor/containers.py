"""Container engine, images, Toxiproxy. Images are looked up, never pulled: a doctor changes nothing."""

from __future__ import annotations

import contextlib
import os
import subprocess
from functools import cache

from docker.errors import ImageNotFound

from chaos.doctor.result import CheckResult, State
from chaos.errors import EngineUnavailable, ToolMissing
from chaos.runtime.engine import Engine, connect, find_engine
from chaos.runtime.helpers import find_toxiproxy

__all__ = ["engine", "python_image", "toxiproxy_image", "toxiproxy_program"]

VERSION_WITHIN = 5.0
"""Seconds for `toxiproxy-server -version`, which takes 10 ms."""
ENGINE_REMEDY = "start Docker, or `make engine` (Debian, as root); DOCKER_HOST says where it listens"
ACCESS_REMEDY = "run as root, or join the group that owns the socket (usually `docker`)"


def engine() -> CheckResult:
    """Whether a container engine answers."""
    try:
        found = _engine()
        with contextlib.closing(connect(found)) as client:
            driver = client.info().get("Driver", "unknown")
    except EngineUnavailable as error:
        tried = str(error).partition("; start Docker")[0]
        return CheckResult(
            name="container engine",
            state=State.MISSING,
            found=tried,
            remedy=ACCESS_REMEDY if "Permission denied" in tried else ENGINE_REMEDY,
            runtime="containers",
            leaves_out="the containers runtime; the processes runtime needs no engine",
        )
    said = f"{found.version} at {found.host}, storage {driver}"
    return CheckResult(name="container engine", state=State.OK, found=said, runtime="containers")


def python_image() -> CheckResult:
    """The image that the suite's own helpers run in."""
    return _image("image for helpers", "python_image")


def toxiproxy_image() -> CheckResult:
    """Toxiproxy's image."""
    return _image("image of Toxiproxy", "toxiproxy_image")


def toxiproxy_program() -> CheckResult:
    """Toxiproxy as a program of this machine, for the processes runtime."""
    try:
        program = find_toxiproxy(os.environ)
    except ToolMissing as error:
        return CheckResult(
            name="toxiproxy-server",
            state=State.LIMITED,
            found=str(error).partition(";")[0],
            remedy="none is needed: the embedded proxy takes its place; `make engine` brings the real one",
            leaves_out="the real Toxiproxy in the processes runtime (--chaos-proxy=toxiproxy)",
        )
    done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=VERSION_WITHIN, check=False)
    said = (done.stdout or done.stderr).strip().removeprefix("toxiproxy-server version ")
    return CheckResult(name="toxiproxy-server", state=State.OK, found=f"{said or 'no version'} at {program}")


def _image(name: str, attribute: str) -> CheckResult:
    try:
        found = _engine()
        image: str = getattr(found, attribute)
        with contextlib.closing(connect(found)) as client:
            short_id = client.images.get(image).short_id
    except EngineUnavailable:
        return CheckResult(
            name=name,
            state=State.UNKNOWN,
            found="not looked up, no engine answers",
            remedy="the engine's, above",
            runtime="containers",
        )
    except ImageNotFound:
        return CheckResult(
            name=name,
            state=State.LIMITED,
            found=f"{image} is not local and will be pulled when it is needed",
            remedy="`make engine` builds it where no registry can be reached",
            runtime="containers",
            leaves_out="the containers runtime, where it cannot be pulled",
        )
    return CheckResult(name=name, state=State.OK, found=f"{image} ({short_id})", runtime="containers")


@cache
def _engine() -> Engine:
    """Looked for once; not finding one is not remembered, and takes no time where there is no socket."""
    return find_engine()
