"""Images: local, pulled under a deadline, or built from a target's directory once for each state of its files."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import docker
from docker.errors import APIError, BuildError, DockerException, ImageNotFound
from docker.utils.build import exclude_paths
from urllib3.exceptions import HTTPError

from chaos.errors import ConfigurationError, ImageUnavailable
from chaos.runtime.base import RuntimeOptions
from chaos.runtime.engine import Engine, connect
from chaos.runtime.environment import own_environment, own_module
from chaos.runtime.logs import quote
from chaos.target import Target

__all__ = ["build_image", "ensure_companions", "ensure_image", "server_image", "server_tag"]

BUILD_LABEL = "chaos.build"
"""Carries the digest of everything that went into an image, so that the same is not built twice."""

BUILD_WITHIN = 900.0
"""Seconds for a build: the reference server's takes 10 s, and others install compilers."""

_AIRGAP = Path(__file__).with_name("airgap") / "engine.sh"

_BUILD_REMEDY = (
    "correct its Dockerfile, name an image that is there with --chaos-image, or take the processes runtime "
    "(--chaos-runtime=processes)"
)

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
"""The engine paints what a build writes to standard error."""

_NEVER_IN_CONTEXT = ["**/__pycache__", "**/*.pyc", "**/.*_cache", ".git"]


def ensure_image(engine: Engine, name: str, *, option: str, within: float) -> None:
    """Have the image local, pulling it if need be.

    Raises ImageUnavailable after `within` seconds, or at once where the registry says no or none is asked; `option`
    is what names another image.
    """
    with contextlib.closing(connect(engine)) as client:
        if _find(client, name) is not None:
            return
    if engine.home is not None:
        raise ImageUnavailable(
            f"image {name} is not local, and the air-gapped set-up asks no registry; run `make engine` to make the "
            f"suite's own, load it with `docker load`, or name another one with {option}"
        )
    problem = _pull(engine, name, within=within)
    if problem is not None:
        raise ImageUnavailable(
            f"image {name} is neither local nor to be pulled: {problem}; check the registry, name another one with "
            f"{option}, or run `make engine` for the air-gapped set-up (Debian, root)"
        )


def ensure_companions(engine: Engine, *, options: RuntimeOptions) -> Engine:
    """The engine with the images of sandbox, upstream and Toxiproxy that are to be used, each local from now on.

    Raises ImageUnavailable.
    """
    chosen = engine.with_images(python=options.python_image, toxiproxy=options.toxiproxy_image)
    ensure_image(chosen, chosen.python_image, option="--chaos-python-image", within=options.pull_within)
    ensure_image(chosen, chosen.toxiproxy_image, option="--chaos-toxiproxy-image", within=options.pull_within)
    return chosen


def server_image(engine: Engine, target: Target, *, options: RuntimeOptions) -> str:
    """The name of the server's image, local from now on: the option's, the target's, or the one that is built.

    Raises ConfigurationError for a target that names none, ImageUnavailable.
    """
    name = options.image or target.start.image
    if name is not None:
        ensure_image(engine, name, option="--chaos-image", within=options.pull_within)
        return name
    if target.start.build is None:
        raise ConfigurationError(
            f"{target.file}: start.image or start.build is missing, and without one {target.name} cannot run as a "
            "container; add one, or take the runtime for the way it can be started (--chaos-runtime)"
        )
    return build_image(engine, target, directory=target.resolve(target.start.build))


def server_tag(target: Target) -> str:
    """What an image built from the target's directory is called."""
    return f"chaos/{target.name}:local"


def build_image(engine: Engine, target: Target, *, directory: Path) -> str:
    """Build the target's image from its directory unless that is done already; returns its name.

    The Dockerfile gets the Python image as the build argument BASE_IMAGE. Raises ImageUnavailable with the last
    lines of the build.
    """
    if not (directory / "Dockerfile").is_file():
        raise ImageUnavailable(
            f"{target.file}: start.build names {directory}, and there is no Dockerfile in it; correct the path"
        )
    build: Callable[[Engine, Path, str], None] = _build_airgapped if engine.home is not None else _build
    tag = server_tag(target)
    build(engine, directory, tag)
    return tag


def _find(client: docker.DockerClient, name: str) -> docker.models.images.Image | None:
    try:
        return client.images.get(name)
    except ImageNotFound:
        return None


def _pull(engine: Engine, name: str, *, within: float) -> str | None:
    """None once the image is local, else why it is not."""
    try:
        done = subprocess.run(
            own_module("chaos.runtime.pull", engine.host, name),
            env=own_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"not done within {within:g}s"
    return None if done.returncode == 0 else (done.stderr.strip() or f"exit code {done.returncode}")


def _build(engine: Engine, directory: Path, tag: str) -> None:
    with contextlib.closing(connect(engine, timeout=BUILD_WITHIN)) as client:
        key = _context_digest(directory, base=engine.python_image)
        before = _find(client, tag)
        if before is not None and before.labels.get(BUILD_LABEL) == key:
            return
        try:
            client.images.build(
                path=str(directory),
                tag=tag,
                rm=True,
                forcerm=True,
                buildargs={"BASE_IMAGE": engine.python_image},
                labels={BUILD_LABEL: key},
            )
        except BuildError as error:
            lines = [str(step.get("stream") or step.get("error") or "").rstrip() for step in error.build_log]
            raise ImageUnavailable(
                f"{directory} cannot be built into {tag}; {_BUILD_REMEDY}{quote(_last(lines))}"
            ) from error
        except (DockerException, OSError, HTTPError) as error:
            raise ImageUnavailable(f"{directory} cannot be built into {tag}: {error}; {_BUILD_REMEDY}") from error
        if before is not None:
            with contextlib.suppress(APIError):  # a container of another run still uses the image that was replaced
                client.images.remove(before.id)


def _build_airgapped(engine: Engine, directory: Path, tag: str) -> None:
    """By the convention of airgap/README.md: wheels fetched outside, a build without a network, cached by content."""
    environment = {**os.environ, **engine.settings, "DOCKER_HOST": engine.host, "CHAOS_ENGINE_HOME": str(engine.home)}
    try:
        done = subprocess.run(
            ["bash", str(_AIRGAP), "build", str(directory), tag],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=BUILD_WITHIN,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ImageUnavailable(
            f"{directory} was not built into {tag} within {BUILD_WITHIN:g}s; {_BUILD_REMEDY}"
        ) from error
    if done.returncode != 0:
        log = quote(_last(done.stderr.splitlines()))
        raise ImageUnavailable(f"{directory} cannot be built into {tag} without a registry; {_BUILD_REMEDY}{log}")


def _last(lines: list[str]) -> list[str]:
    plain = (_COLOURS.sub("", line) for line in lines)
    return [line for line in plain if line.strip()][-20:]


def _context_digest(directory: Path, *, base: str) -> str:
    """Changes with the base image's name and with every file that goes into the build."""
    ignore = directory / ".dockerignore"
    patterns = ignore.read_text(encoding="utf-8").splitlines() if ignore.exists() else []
    digest = hashlib.sha256(base.encode())
    for name in sorted(exclude_paths(str(directory), [*patterns, *_NEVER_IN_CONTEXT])):
        path = directory / name
        digest.update(f"\0{name}\0{path.lstat().st_mode:o}\0".encode())
        if path.is_symlink():
            digest.update(os.readlink(path).encode())
        elif path.is_file():
            digest.update(path.read_bytes())
    return digest.hexdigest()
