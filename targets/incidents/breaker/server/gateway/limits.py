"""Memory and cores of the process. What cannot be limited here is told, and the gateway starts all the same."""

from __future__ import annotations

import os
import resource

from gateway.settings import Settings


def apply_limits(settings: Settings) -> dict[str, str]:
    """What became of each limit, for the statistics."""
    return {"memory": _memory(settings.memory), "cores": _cores(settings.cores)}


def _memory(limit: int | None) -> str:
    if limit is None:
        return "off"
    try:
        hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
        soft = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))
    except (OSError, ValueError) as error:
        return f"not applied: {error}"
    return f"{soft} bytes"


def _cores(limit: int | None) -> str:
    if limit is None:
        return "off"
    try:
        cores = sorted(os.sched_getaffinity(0))[:limit]
        os.sched_setaffinity(0, cores)
    except (AttributeError, OSError) as error:
        return f"not applied: {error}"
    return f"{len(cores)} of at most {limit}"
