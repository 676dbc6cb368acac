"""Takes every answer that is no success for a failure of the upstream, a 404 too.

Breaks "ignores its callers' mistakes": somebody who asks five times for what does not exist shuts everybody else out.
The default of many HTTP clients' `raise_for_status` inside of a breaker.
"""

from __future__ import annotations

from reference_server.guard import DependencyFailed
from reference_server.parts import Parts
from reference_server.upstream import Upstream, UpstreamRefused

DESCRIPTION = "an upstream's 4xx, its caller's own mistake, counts as a failure of the upstream"


def install(parts: Parts) -> None:
    """A refusal is a failure."""
    get_as_before = Upstream.get

    async def get(self: Upstream, path: str) -> object:
        try:
            return await get_as_before(self, path)
        except UpstreamRefused as refused:
            raise DependencyFailed("error", str(refused)) from refused

    Upstream.get = get  # type: ignore[method-assign]  # a defect replaces a method
