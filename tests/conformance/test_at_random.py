"""Any sequence of requests gets the same answers from both.

What the tests beside this one did not think of is looked for here, with bodies that are almost right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.examples import examples

from .servers import EMBEDDED, TOXIPROXY, Answer, Server, running

NAMES = st.sampled_from(["a", "b", "c", ""])
SCALARS = st.sampled_from([None, True, 0, 1, -1, 5, 0.5, 7.25, 1e300, 2**63, "", "a", "upstream", "downstream", [], {}])
TOXIC_KINDS = st.sampled_from(["latency", "timeout", "bandwidth", "limit_data", "noop", "slow_close", "nope"])
ATTRIBUTES = st.dictionaries(st.sampled_from(["latency", "Jitter", "timeout", "rate", "bytes", "x"]), SCALARS)


def almost(*fields: tuple[str, st.SearchStrategy[object]]) -> st.SearchStrategy[object]:
    """An object with these fields, most of the time what they should be; or something else altogether."""
    spoilt = st.sampled_from([name for name, _ in fields] + ["extra"])
    right = st.fixed_dictionaries({}, optional=dict(fields))
    wrong = st.builds(lambda good, key, bad: {**good, key: bad}, right, spoilt, SCALARS)
    return st.one_of(right, right, right, wrong, SCALARS)


PROXY = almost(
    ("name", NAMES),
    ("listen", st.sampled_from(["127.0.0.1:0", "localhost:0", "nonsense", "127.0.0.1:77777"])),
    ("upstream", st.sampled_from(["127.0.0.1:1", "127.0.0.1:2", ""])),
    ("enabled", st.booleans()),
)
TOXIC = almost(
    ("name", NAMES),
    ("type", TOXIC_KINDS),
    ("stream", st.sampled_from(["upstream", "downstream", "UPSTREAM", "no"])),
    ("toxicity", st.floats(0, 1, width=32)),
    ("attributes", ATTRIBUTES),
)
PATHS = st.sampled_from(
    [
        "/proxies",
        "/proxies/a",
        "/proxies/b",
        "/proxies/a/toxics",
        "/proxies/a/toxics/a",
        "/proxies/a/toxics/latency_downstream",
        "/proxies/b/toxics",
        "/version",
        "/reset",
        "/populate",
    ]
)
METHODS = st.sampled_from(["GET", "POST", "POST", "POST", "PATCH", "DELETE", "PUT"])
Request = tuple[str, str, object]


def request_for(path: str) -> st.SearchStrategy[Request]:
    body: st.SearchStrategy[object] = TOXIC if "toxics" in path else PROXY
    if path == "/populate":
        body = st.lists(PROXY, max_size=3)
    return st.tuples(METHODS, st.just(path), body)


# A proxy to begin with, or nearly everything would be a 404.
FIRST: Request = ("POST", "/proxies", {"name": "a", "listen": "127.0.0.1:0", "upstream": "127.0.0.1:1"})
SEQUENCES = st.lists(PATHS.flatmap(request_for), min_size=1, max_size=12).map(lambda rest: [FIRST, *rest])


TAKEN = "bind: address already in use"
"""A proxy that was disabled listens again on the port it had, which the kernel may have given to a connection of ours
meanwhile: once in 20,000 sequences, measured."""


def comparable(answer: Answer) -> tuple[int, str, str]:
    """An answer without ports the kernel chose, and without Go's names for types."""
    text = re.sub(r"(127\.0\.0\.1|\[::\]):[1-9]\d{4}", r"\1:PORT", answer.text)
    return answer.status, answer.content_type, re.sub(r" into Go [^,]*", " into Go", text)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Server, Server]]:
    with running(TOXIPROXY) as real, running(EMBEDDED) as ours:
        yield real, ours


@settings(
    # 12 ms each, measured.
    max_examples=examples(1.2, thorough=20_000),
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
)
@given(sequence=SEQUENCES)
def test_both_give_the_same_answers(both: tuple[Server, Server], sequence: list[Request]):
    for server in both:
        for name in server.ok("GET", "/proxies"):
            server.ok("DELETE", f"/proxies/{name}")
    for number, (method, path, body) in enumerate(sequence):
        real, ours = (comparable(server.request(method, path, body)) for server in both)
        if (TAKEN in real[2]) != (TAKEN in ours[2]):
            return  # one of the two is unlucky; what each says of a port that is taken is in test_proxies.py
        assert real == ours, f"request {number}: {method} {path} {json.dumps(body)}"
        if method == "PATCH" and real[0] == 400 and "toxics" in path:
            return  # a change refused half-way: see differences.py
