"""`/connections`: what became of the connections of one proxy or of all, as JSON.

    {"seed": 7, "now": 1234.5, "proxies": {"web": {
        "accepted": 3, "ended": 2, "forgotten": 0, "connections": [...]}}}

`now` and all moments are seconds of CLOCK_MONOTONIC. A connection is a `ledger.Record`; those with a number up to
`?after=NUMBER` are left out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from urllib.parse import parse_qs

from chaos.links.embedded.errors import ApiError
from chaos.links.embedded.proxy import Proxy

__all__ = ["connections_text", "read_after"]

BATCH = 50
"""Records written in one go, about 1 ms: between batches the connections themselves have their turn."""


def read_after(query: str) -> int:
    """The number given as `after`, 0 if none. Raises ApiError 400."""
    after = parse_qs(query).get("after", ["0"])[0]
    if not after.isdecimal():
        raise ApiError(f"after is {after!r}, it must be the number of a connection", 400)
    return int(after)


async def connections_text(proxies: Iterable[Proxy], *, after: int, seed: int, now: float) -> str:
    """The body of the answer."""
    members = [f"{json.dumps(proxy.name)}: {await _proxy_text(proxy, after)}" for proxy in proxies]
    return f'{{"seed": {seed}, "now": {now!r}, "proxies": {{{", ".join(members)}}}}}'


async def _proxy_text(proxy: Proxy, after: int) -> str:
    ledger = proxy.ledger
    counts = {"accepted": ledger.accepted, "ended": ledger.ended, "forgotten": ledger.forgotten}
    records = proxy.records(after=after)
    texts: list[str] = []
    for start in range(0, len(records), BATCH):
        texts += [json.dumps(record.as_json()) for record in records[start : start + BATCH]]
        await asyncio.sleep(0)
    return f'{json.dumps(counts)[:-1]}, "connections": [{", ".join(texts)}]}}'
