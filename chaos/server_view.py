"""The server as it runs now."""

from __future__ import annotations

from dataclasses import dataclass

from chaos.address import Address

__all__ = ["ServerView"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerView:
    """The server as it runs now; a restart makes a new one."""

    address: Address
    """Where clients reach it without a proxy."""
    port: int
    """Its listening port inside its network namespace: what the agent's socket readings are about."""
    root_pids: tuple[int, ...]
    """Host pids of its topmost processes; empty where the runtime cannot see them."""
