"""The link from a server to its upstream, made before the server is started; see `chaos.links.resting`."""

from __future__ import annotations

import json
from http import HTTPStatus

from chaos.address import Address
from chaos.errors import EnvironmentFailure
from chaos.links.resting import RESTING
from chaos.runtime.base import ToxiproxyEndpoint, UpstreamEndpoint
from chaos.runtime.health import Dial, fetch
from chaos.runtime.helpers import PROXY_NAMES

__all__ = ["make_resting_link"]

MADE_WITHIN = 5.0
"""Seconds for the proxy to make the link: 0.002 s here; see `chaos.links.toxiproxy.DEADLINE`."""


def make_resting_link(proxy: ToxiproxyEndpoint, upstream: UpstreamEndpoint, *, dial: Dial) -> None:
    """Have the proxy pass on to the upstream what comes to the port that the server is told.

    Not by `chaos.links.toxiproxy`, which is asynchronous and dials by itself: the proxy's API may only be reached
    through `dial`. Raises EnvironmentFailure.
    """
    wanted = {
        "name": RESTING,
        "listen": str(Address(proxy.listen_host, upstream.link_port)),
        "upstream": str(upstream.as_seen_by_proxy),
        "enabled": True,
    }
    try:
        status, body = fetch(proxy.api, "/proxies", dial=dial, within=MADE_WITHIN, post=json.dumps(wanted).encode())
    except OSError as error:
        problem = "it does not answer" if isinstance(error, TimeoutError) else str(error)
    except ValueError as error:
        problem = str(error)
    else:
        if status == HTTPStatus.CREATED:
            return
        problem = f"it answers {status}{_reason(body)}"
    remedy = "run again"
    if proxy.kind == "toxiproxy":
        remedy += ", or take the embedded proxy (--chaos-runtime=processes --chaos-proxy=embedded)"
    raise EnvironmentFailure(
        f"{PROXY_NAMES[proxy.kind]} at {proxy.api} does not make the link to the upstream on {wanted['listen']}: "
        f"{problem}; {remedy}"
    )


def _reason(body: bytes) -> str:
    """The proxy's own words; Toxiproxy answers in HTML where it has given up."""
    try:
        return f", {json.loads(body)['error']}"
    except (ValueError, KeyError, TypeError):
        return ""
