"""Fixtures of the crowd's tests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from chaos.address import Address

from .doorman import Doorman
from .servers import websocket_server


@pytest_asyncio.fixture(autouse=True)
async def _loud_callbacks() -> AsyncIterator[None]:
    """Every test fails when a callback of its loop raises: asyncio would only log it."""
    raised: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: raised.append(context))
    yield
    assert raised == []


@pytest_asyncio.fixture
async def doorman() -> AsyncIterator[tuple[Doorman, Address]]:
    """A running echo server, and where it is."""
    handler = Doorman()
    async with websocket_server(handler) as address:
        yield handler, address
