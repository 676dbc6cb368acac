"""A server's processes held still (SIGSTOP) for a while, and let go whatever happens meanwhile."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import AsyncIterator, Sequence

from chaos.agent.async_client import AsyncAgent

__all__ = ["held_still"]


@contextlib.asynccontextmanager
async def held_still(agent: AsyncAgent, roots: Sequence[int]) -> AsyncIterator[list[int]]:
    """Those that were stopped, of the roots and all below them.

    Raises AgentError when one of them does not stop in time; the others have stopped, and are let go.
    """
    stopped: list[int] = []
    try:
        stopped = await agent.signal(roots, signal.SIGSTOP, tree=True)
        yield stopped
    finally:
        # Those that were stopped, also when their parent has died meanwhile; and by the roots, for where one of them
        # did not stop in time it is not known which did.
        await agent.signal(stopped, signal.SIGCONT)
        await agent.signal(roots, signal.SIGCONT, tree=True)
