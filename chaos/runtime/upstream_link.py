"""The link from a server to its upstream, made before the server is started; see `chaos.links.resting`."""

from __future__ import annotations

import json

from chaos.address import Address
from chaos.errors import EnvironmentFailure
from chaos.links.resting import RESTING
from chaos.runtime.base import ToxiproxyEndpoint, UpstreamEndpoint
from chaos.runtime.health import Dial, fetch

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
        made = json.loads(body)
        if status == 201 and made["enabled"]:
            return
        problem = f"it answers {status}, {made.get('error', 'and the link does not listen')}"
    except (OSError, ValueError, KeyError) as error:
        problem = str(error) or type(error).__name__
    raise EnvironmentFailure(
        f"the proxy at {proxy.api} does not make the link to the upstream on {wanted['listen']}: {problem}"
    )
