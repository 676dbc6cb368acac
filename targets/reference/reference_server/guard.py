"""Make one call through a breaker, and tell the breaker the truth about how it ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from reference_server.breaker import Breaker

T = TypeVar("T")


class DependencyFailed(Exception):
    """The dependency failed: unreachable, broken or answering with a server error. `kind` says which."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind


class DependencyTimedOut(DependencyFailed):
    """The dependency did not answer in time."""

    def __init__(self, timeout: float) -> None:
        super().__init__("timeout", f"no answer within {timeout:g} s")


class BreakerOpen(Exception):
    """The dependency was not asked."""

    def __init__(self, breaker: Breaker) -> None:
        self.retry_after = breaker.open_for()
        """Seconds until asking again makes sense."""
        super().__init__(f"breaker {breaker.name} is {breaker.state.value}")


async def call(breaker: Breaker, operation: Callable[[], Awaitable[T]], *, timeout: float) -> T:
    """Await `operation` within `timeout` seconds, if the breaker allows it.

    Raises BreakerOpen (nothing was called), DependencyFailed, or whatever else `operation` raises. Only
    DependencyFailed counts against the dependency. Everything else, cancellation included, is neutral.
    """
    permit = breaker.acquire()
    if permit is None:
        raise BreakerOpen(breaker)
    try:
        try:
            async with asyncio.timeout(timeout) as deadline:
                result = await operation()
        except TimeoutError:
            # A TimeoutError of the operation's own is its own affair; ours has expired.
            if not deadline.expired():
                raise
            raise DependencyTimedOut(timeout) from None
    except DependencyFailed as failure:
        permit.failure(failure.kind)
        raise
    else:
        permit.success()
        return result
    finally:
        permit.cancel()
