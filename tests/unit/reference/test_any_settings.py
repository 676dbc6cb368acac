"""Any environment gives settings that a server can be built from, or a refusal that names the variable."""

from __future__ import annotations

import math
from collections.abc import Mapping

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from reference_server.environment import OTHER_NAMES, BadSetting, load_settings
from reference_server.parts import build
from reference_server.profiles import PROFILES
from reference_server.settings import Settings

VARIABLES = [field.upper() for field in Settings.model_fields]
BYTES = st.binary(max_size=40).map(lambda data: data.replace(b"\0", b"").decode("utf-8", errors="surrogateescape"))
"""As a process finds its environment: any bytes but NUL, where Python cannot decode them as lone surrogates."""
NUMBERS = st.one_of(
    st.integers().map(str),
    st.floats().map(str),
    st.sampled_from(["", " ", "0", "-0", "-1", "1e3", "1_000", "٣", "0x10", "nan", "-inf", "9" * 5000, "1" * 5000]),
)
ADDRESSES = st.one_of(
    st.builds("http://{}".format, BYTES),
    st.sampled_from(
        [
            "http://", "http:///x", "http://[", "http://a:b", "http://a:99999999", "https://a b", "http://\udcff", "ftp://a",
            "http://127.0.0.1:9", "http://127.0.0.1:9/", "http://a:0", "http://é", "http://" + "a" * 5000, "http://?", "http://#",
            "http://@", "http://:80", "http://%", "http://a\n", "http://user:password@host:1/path",
        ]
    ),
)  # fmt: skip
LISTS = st.lists(NUMBERS, max_size=6).map(",".join)
WORDS = st.sampled_from(["true", "false", "on", "http-503", "close-1013", "debug", "DEBUG", "x" * 5000, "ab" * 20])
VALUES = st.one_of(BYTES, NUMBERS, ADDRESSES, LISTS, WORDS)


def refusal(environment: Mapping[str, str], profile: str = "fast") -> str | None:
    """What the server says instead of starting, or None where it can be built; any other exception is the find."""
    try:
        settings = load_settings(environment, profile=profile)
    except BadSetting as error:
        return str(error)
    build(settings)
    return None


@given(
    variable=st.sampled_from([*VARIABLES, *OTHER_NAMES, "PROFILE"]),
    value=VALUES,
    profile=st.sampled_from(list(PROFILES)),
)
@example(variable="WEBSOCKET_TLS_CERTIFICATE", value="\udc80", profile="fast")
def test_one_variable_of_any_value(variable: str, value: str, profile: str) -> None:
    said = refusal({variable: value}, profile)
    assert said is None or OTHER_NAMES.get(variable, variable).upper() in said


@given(ADDRESSES)
@example("http://[")
@example("http://xn--")
@example("http://[::1]:80")
@example("http://[v1.x]")
def test_an_address_of_the_upstream_can_be_called_or_is_refused(address: str) -> None:
    said = refusal({"UPSTREAM_URL": address})
    if said is not None:
        assert said.startswith("bad setting UPSTREAM_URL: found ")
        return
    url = httpx.URL(load_settings({"UPSTREAM_URL": address}, profile="fast").upstream_url + "/path")
    assert url.host
    assert url.path.endswith("/path")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:9", "https://a-b.example/base/", "http://[::1]:8080", "http://h_1"]
)
def test_addresses_that_are_taken(address: str) -> None:
    assert load_settings({"UPSTREAM_URL": address}, profile="fast").upstream_url == address.rstrip("/")


@given(st.dictionaries(st.sampled_from(VARIABLES), VALUES, max_size=6))
def test_several_variables_of_any_value(environment: dict[str, str]) -> None:
    said = refusal(environment)
    assert said is None or any(variable in line for line in said.splitlines() for variable in environment)


@given(st.dictionaries(BYTES.filter(lambda name: "=" not in name and name != "PROFILE"), VALUES, max_size=4))
def test_variables_of_any_name(environment: dict[str, str]) -> None:
    load = refusal(environment)
    assert load is None or any(repr(name)[1:-1] in load or name in load for name in environment)


def _numbers(low: float, high: float) -> st.SearchStrategy[str]:
    return st.floats(low, high, exclude_min=low == 0).map(str)


VALID: dict[str, st.SearchStrategy[str]] = {
    "WEBSOCKET_MAX_CONNECTIONS": st.integers(1, 10_000_000).map(str),
    "WEBSOCKET_REJECT_WITH": st.sampled_from(["http-503", "close-1013"]),
    "WEBSOCKET_BREAKER_REJECT_WITH": st.sampled_from(["http-503", "close-1013"]),
    "WEBSOCKET_BACKPRESSURE_THRESHOLD": _numbers(0, 1),
    "WEBSOCKET_HEARTBEAT_INTERVAL": _numbers(0, 86_400),
    "WEBSOCKET_CLEANUP_INTERVAL": _numbers(0, 86_400),
    "WEBSOCKET_MAX_AGE": st.floats(0, 86_400).map(str),
    "WEBSOCKET_CONNECT_PHASES": st.lists(_numbers(0, 60), min_size=5, max_size=5).map(",".join),
    "WEBSOCKET_MESSAGE_RATE": st.floats(0, 1e9).map(str),
    "WEBSOCKET_MESSAGE_BURST": st.integers(1, 10_000_000).map(str),
    "WEBSOCKET_HANDSHAKE_RATE": st.floats(0, 1e9).map(str),
    "WEBSOCKET_COMPRESSION": st.sampled_from(["true", "false", "0", "1", "yes", "off"]),
    "WEBSOCKET_ALLOWED_ORIGINS": st.sampled_from(["", "https://a", "https://a, https://b"]),
    "WEBSOCKET_JWT_SECRET": st.sampled_from(["", "x" * 32, "é" * 16]),
    "BREAKER_FAILURE_THRESHOLD": st.integers(1, 999).map(str),
    "BREAKER_FAILURE_RATE": st.floats(0, 1).map(str),
    "BREAKER_BACKOFF": st.floats(1, 100).map(str),
    "UPSTREAM_URL": st.sampled_from(["", "http://127.0.0.1:9", "https://upstream.example/base/"]),
    "UPSTREAM_MAX_CONNECTIONS": st.integers(1, 10_000_000).map(str),
    "LOG_LEVEL": st.sampled_from(["debug", "info", "warning", "error"]),
}


@given(st.fixed_dictionaries({}, optional=VALID), st.sampled_from(list(PROFILES)))
def test_every_valid_combination_starts(environment: dict[str, str], profile: str) -> None:
    assert refusal(environment, profile) is None


@given(st.data())
def test_breaker_settings_that_agree_start_and_others_are_named(data: st.DataObject) -> None:
    probes, successes = data.draw(st.integers(1, 9)), data.draw(st.integers(1, 9))
    wait, longest = data.draw(st.floats(0.01, 9)), data.draw(st.floats(0.01, 9))
    said = refusal(
        {
            "BREAKER_HALF_OPEN_PROBES": str(probes),
            "BREAKER_SUCCESS_THRESHOLD": str(successes),
            "BREAKER_RECOVERY_TIMEOUT": str(wait),
            "BREAKER_MAX_RECOVERY_TIMEOUT": str(longest),
        }
    )
    if successes > probes:
        assert said is not None
        assert "BREAKER_SUCCESS_THRESHOLD" in said
    elif longest < wait:
        assert said is not None
        assert "BREAKER_MAX_RECOVERY_TIMEOUT" in said
    else:
        assert said is None


@given(st.floats())
def test_no_number_but_those_in_range(value: float) -> None:
    said = refusal({"WEBSOCKET_HEARTBEAT_INTERVAL": str(value)})
    assert (said is None) == (math.isfinite(value) and 0 < value <= 30 * 86_400)
