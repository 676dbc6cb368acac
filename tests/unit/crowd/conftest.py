"""Every test of the crowd fails when a callback of its loop raises: asyncio would only log it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio


@pytest_asyncio.fixture(autouse=True)
async def _loud_callbacks() -> AsyncIterator[None]:
    raised: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: raised.append(context))
    yield
    assert raised == []
