"""Choosing the runtime, with the reason and how to get the other: what the header of a test run says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from chaos.errors import EngineUnavailable, EnvironmentFailure
from chaos.runtime.attached import AttachedRuntime
from chaos.runtime.base import Runtime, RuntimeOptions
from chaos.runtime.processes import ProcessesRuntime
from chaos.target import Target

__all__ = ["RuntimeName", "Selection", "select_runtime", "usable_runtimes"]

RuntimeName = Literal["auto", "containers", "processes", "attached"]

PULL_FOR_AUTO = 10.0
"""Seconds that `auto` gives a pull: what takes longer is not "an image within seconds", and processes start in one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """A runtime, and why it was taken."""

    runtime: Runtime
    reason: str
    other: str
    """How to get the other."""

    def sentence(self) -> str:
        """`"runtime: processes, because ...; ..."`."""
        return f"{self.runtime.name}, because {self.reason}; {self.other}"


def select_runtime(name: RuntimeName, target: Target, *, options: RuntimeOptions) -> Selection:
    """The runtime that was asked for, or for `auto` the one that fits target and machine.

    `auto` takes containers where the target has an image, an engine answers and the images are local or pullable
    within seconds; else processes; attached only where the target names nothing else. Raises EngineUnavailable or
    ImageUnavailable where containers are all the target names and cannot be had.
    """
    if name == "auto":
        return _automatic(target, options=options)
    runtime: Runtime = AttachedRuntime()
    other = "--chaos-runtime=auto takes what fits target and machine"
    if name == "processes":
        runtime, other = ProcessesRuntime(), "for containers: --chaos-runtime=containers"
    elif name == "containers":
        from chaos.runtime.containers import ContainersRuntime

        runtime, other = ContainersRuntime(), "for processes: --chaos-runtime=processes"
    return Selection(runtime=runtime, reason="it was asked for", other=other)


def _automatic(target: Target, *, options: RuntimeOptions) -> Selection:
    start = target.start
    contained = start.image or start.build or options.image
    if not contained and start.command is None:
        return Selection(
            runtime=AttachedRuntime(),
            reason="the target names an address and no way to start it",
            other="give it start.command, start.image or start.build to have it started",
        )
    if not contained:
        return Selection(
            runtime=ProcessesRuntime(),
            reason="the target names no image",
            other="for containers give it start.image or start.build",
        )
    # Imported here: the docker SDK takes 0.2 s, which a run with processes need not pay.
    from chaos.runtime.containers import ContainersRuntime
    from chaos.runtime.engine import find_engine
    from chaos.runtime.images import ensure_companions, ensure_image

    try:
        engine = find_engine()
        quick = replace(options, pull_within=min(options.pull_within, PULL_FOR_AUTO))
        ensure_companions(engine, options=quick)
        if name := options.image or start.image:
            ensure_image(engine, name, option="--chaos-image", within=quick.pull_within)
    except EnvironmentFailure as error:
        if start.command is None:
            raise
        what = "no container engine answers" if isinstance(error, EngineUnavailable) else "an image is not at hand"
        return Selection(runtime=ProcessesRuntime(), reason=what, other=f"for containers: {error}")
    return Selection(
        runtime=ContainersRuntime(engine),
        reason=f"Docker {engine.version} answers at {engine.host} and the images are at hand",
        other="for processes: --chaos-runtime=processes",
    )


def usable_runtimes(options: RuntimeOptions | None = None) -> dict[str, str | None]:
    """The runtimes that start servers: name to None where this machine can hold it now, else to the reason."""
    from chaos.runtime.engine import find_engine
    from chaos.runtime.images import ensure_companions

    quick = replace(options or RuntimeOptions(), pull_within=PULL_FOR_AUTO)
    try:
        ensure_companions(find_engine(), options=quick)
    except EnvironmentFailure as error:
        return {"processes": None, "containers": str(error)}
    return {"processes": None, "containers": None}
