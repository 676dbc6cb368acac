"""Container engine, images, Toxiproxy. Images are looked up, never pulled: a doctor changes nothing."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import docker
import docker.errors

from chaos.doctor.result import CheckResult, State
from chaos.errors import EngineUnavailable, ToolMissing
from chaos.runtime.helpers import ENGINE_HOME, find_toxiproxy

__all__ = ["engine", "engine_settings", "python_image", "toxiproxy_image", "toxiproxy_program"]

PYTHON_IMAGE = "python:3.11-slim"
TOXIPROXY_IMAGE = "ghcr.io/shopify/toxiproxy:2.12.0"
ANSWER_WITHIN = 5
"""Seconds for one answer of the engine, which takes milliseconds."""
VERSION_WITHIN = 5.0
"""Seconds for `toxiproxy-server -version`."""
NO_CONTAINERS = "the containers runtime; the processes runtime needs no engine"
ENGINE_REMEDY = "`make engine` (Debian, as root) or start Docker; DOCKER_HOST says where it listens"


def engine() -> CheckResult:
    """Whether a container engine answers."""
    try:
        with _client() as client:
            version = client.version()
            driver = client.info().get("Driver", "unknown")
    except EngineUnavailable as error:
        return CheckResult(
            name="container engine",
            state=State.MISSING,
            found=str(error),
            remedy=ENGINE_REMEDY,
            runtime="containers",
            leaves_out=NO_CONTAINERS,
        )
    found = f"{version['Version']} (API {version['ApiVersion']}, storage {driver}) at {_host()}"
    return CheckResult(name="container engine", state=State.OK, found=found, runtime="containers")


def python_image() -> CheckResult:
    """The image that the suite's own helpers run in."""
    return _image("image for helpers", engine_settings().get("CHAOS_PYTHON_IMAGE", PYTHON_IMAGE))


def toxiproxy_image() -> CheckResult:
    """Toxiproxy's image."""
    return _image("image of Toxiproxy", engine_settings().get("CHAOS_TOXIPROXY_IMAGE", TOXIPROXY_IMAGE))


def toxiproxy_program() -> CheckResult:
    """Toxiproxy as a program of this machine, for the processes runtime."""
    try:
        program = find_toxiproxy({**engine_settings(), **os.environ})
    except ToolMissing as error:
        return CheckResult(
            name="toxiproxy-server",
            state=State.LIMITED,
            found=str(error).partition(";")[0],
            remedy="nothing to do: the embedded proxy takes its place; `make engine` brings the real one",
            leaves_out="the real Toxiproxy in the processes runtime (--chaos-proxy=toxiproxy)",
        )
    done = subprocess.run([program, "-version"], capture_output=True, text=True, timeout=VERSION_WITHIN, check=False)
    said = (done.stdout or done.stderr).strip().removeprefix("toxiproxy-server version ")
    return CheckResult(name="toxiproxy-server", state=State.OK, found=f"{said or 'no version'} at {program}")


def _image(name: str, image: str) -> CheckResult:
    try:
        with _client() as client:
            found = client.images.get(image)
    except EngineUnavailable:
        return CheckResult(
            name=name,
            state=State.UNKNOWN,
            found=f"{image}: not looked up, no engine answers",
            remedy=ENGINE_REMEDY,
            runtime="containers",
        )
    except docker.errors.ImageNotFound:
        return CheckResult(
            name=name,
            state=State.LIMITED,
            found=f"{image} is not local and will be pulled when it is needed",
            remedy="`make engine` builds it where no registry can be reached",
            runtime="containers",
            leaves_out="the containers runtime, where it cannot be pulled",
        )
    return CheckResult(name=name, state=State.OK, found=f"{image} ({found.short_id})", runtime="containers")


@contextmanager
def _client() -> Iterator[docker.DockerClient]:
    """A client of an engine that answers. Raises EngineUnavailable."""
    try:
        client = docker.DockerClient(base_url=_host(), timeout=ANSWER_WITHIN)
    except docker.errors.DockerException as error:
        raise EngineUnavailable(f"nothing answers at {_host()}: {_root_cause(error)}") from error
    try:
        yield client
    finally:
        client.close()


def _host() -> str:
    return engine_settings().get("DOCKER_HOST", "unix:///var/run/docker.sock")


@cache
def engine_settings() -> dict[str, str]:
    """The environment, over the settings that the air-gapped set-up has left (chaos/runtime/airgap/README.md)."""
    file = Path(os.environ.get("CHAOS_ENGINE_HOME", ENGINE_HOME)) / "env"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    written = dict(line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {**written, **os.environ}


def _root_cause(error: BaseException) -> str:
    """The innermost reason in words: docker wraps a refused connection five times."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return " ".join(str(error).split())[:200]
