"""One limit for all workers: the buckets of `serving.rate`, in Redis.

While Redis is gone each worker counts by itself, which lets in as many times as many as there are workers: better than
nobody, and than everybody.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from serving.rate import Rate

ANSWERS_WITHIN = 0.5
"""Seconds, for the connection's turn and for its answer; who waits longer waits for a Redis that stands still."""
TAKE = """
local bucket = redis.call('HMGET', KEYS[1], 'left', 'since')
local rate, most, told = tonumber(ARGV[1]), tonumber(ARGV[2]), redis.call('TIME')
local now = told[1] + told[2] / 1e6
local left = math.min(most, (tonumber(bucket[1]) or most) + rate * math.max(0, now - (tonumber(bucket[2]) or now)))
local taken = left >= 1
redis.call('HSET', KEYS[1], 'left', tostring(taken and left - 1 or left), 'since', string.format('%.6f', now))
redis.call('EXPIRE', KEYS[1], math.ceil(most / rate) + 1)
return taken and 1 or 0
"""
"""Redis runs it as one: no two workers take the last of a bucket. A full bucket is forgotten."""
BY_ITSELF = "Redis does not answer: until it does, each worker counts the new connections of an address by itself"
TOGETHER = "Redis answers: all workers count the new connections of an address together"


class SharedRate:
    """Buckets by address, of all workers together; `own` counts while Redis is gone."""

    def __init__(self, url: str, own: Rate, *, say: Callable[[str], object] = sys.stderr.write) -> None:
        # One connection, there from the start: a burst of newcomers that opened one each would leave them open.
        # Once more, for the connection to a Redis that was started again is dead.
        pool = redis.BlockingConnectionPool.from_url(
            url, max_connections=1, timeout=ANSWERS_WITHIN, socket_timeout=ANSWERS_WITHIN, retry=Retry(NoBackoff(), 1)
        )
        client = redis.Redis(connection_pool=pool)
        with contextlib.suppress(redis.RedisError):
            client.ping()
        self._take = client.register_script(TAKE)
        self._own, self._say, self._there = own, say, True

    def take(self, address: str) -> bool:
        """Whether one more may come from there now, to any worker."""
        try:
            taken = self._take(keys=[f"rate:{address}"], args=[self._own.per_second, self._own.most]) == 1
        except redis.RedisError:
            self._tell(there=False)
            return self._own.take(address)
        self._tell(there=True)
        return taken

    def _tell(self, *, there: bool) -> None:
        """Once each time that it goes or comes back."""
        if there is not self._there:
            self._there = there
            self._say(f"{TOGETHER if there else BY_ITSELF}\n")
