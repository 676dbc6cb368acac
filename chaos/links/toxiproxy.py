"""Toxiproxy, behind which a server is put: its links, and every trap of its API and its client closed.

Traps of Toxiproxy 2.12, and what becomes of them here:

- *A misspelt attribute, a negative latency, toxicity 7 are accepted with 200; a slicer without a size kills the
  process.* Toxics are typed values (`toxics`), checked before anything is sent.
- *200 proves nothing; the stream in a PATCH is ignored.* Every change is read back and compared (`readback`). A toxic's
  stream cannot be changed here.
- *reset_peer on an established connection sends FIN.* `Link.prepare_reset` before the clients connect, then
  `Link.reset_all`.
- *Any change of a toxic hangs for ever while data cannot leave the proxy* (seen: the removal of a latency that holds
  data for a client that has left; any change while a client does not read). `Link.remove` first lets go of what is
  held and waits for it to drain. If it hangs all the same, every call has a deadline, the proxy is recreated in its
  place, and LinkError says so. A connection opened meanwhile makes even that hang: then the sentence is "restart it".
- *Listing all proxies hangs with any of them.* Nothing here lists them but `Toxiproxy.proxies`.
- *`0.0.0.0` reads back as `[::]`, a toxicity as a 32-bit float.* The comparison knows.
- *A busy port answers 500, a request that hung 503 with HTML.* Both become LinkError, with the remedy.
- *A name with a slash or a blank is another URL.* Refused.

Traps of toxiproxy-python 0.1.1 (`client` is the only module that imports it):

- *Host and port belong to the class.* Each `Toxiproxy` has a copy of the package of its own.
- *No time limits, HTTP_PROXY is followed.* `bounded.BoundedHttp` is the `requests` of that copy.
- *No PATCH.* Made through the same `BoundedHttp`.
- *A 5xx raises KeyError or nothing.* Every status of 300 and above is an error with Toxiproxy's own words.
- *`create` lists all proxies first and listens on `127.0.0.1:0`, out of reach in a container.* Not used; where to
  listen is always said.
- *`down()` hides the test's own error, `populate` cannot work.* Not used; `Link.down` and `Link.up`.
- *Synchronous.* Each call runs in a thread of its own, under a deadline.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from types import TracebackType

from chaos.address import Address
from chaos.errors import LinkError
from chaos.links.bounded import ApiRefused
from chaos.links.client import ApiClient
from chaos.links.link import Link
from chaos.links.readback import expect_same, split_listen
from chaos.links.traits import LinkKind

__all__ = ["DEADLINE", "DRAIN_WITHIN", "Toxiproxy"]

DEADLINE = 5.0
"""Seconds a call may take. A healthy one takes 0.002 s, 0.02 s with a flooded latency toxic (measured); Toxiproxy's own
longest wait for one chunk is 5 s, and it gives a request up after 25 s."""

DRAIN_WITHIN = 0.5
"""Seconds at most between letting go of the data that a toxic holds and removing it. What was let go has left after
0.02 s (measured, 32 KiB chunks at full speed to a client that reads)."""

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


class Toxiproxy:
    """One Toxiproxy, the Go binary or the embedded one. Every method raises LinkError.

    Any number of them may be used at once, also in one process.
    """

    def __init__(
        self,
        api: Address,
        *,
        listen_host: str = "127.0.0.1",
        reach_host: str | None = None,
        ports: Sequence[int] = (),
        kind: LinkKind | None = None,
        deadline: float = DEADLINE,
        drain_within: float = DRAIN_WITHIN,
    ) -> None:
        """Links listen on `listen_host` in Toxiproxy's own network ("0.0.0.0" in a container) and clients reach them
        at `reach_host` (default: the same; the API's host where that is no address to connect to), on one of `ports`
        where only those are let through, else on any. The kind is asked for where it is not given.
        """
        self.api = api
        self._client = ApiClient(api, deadline=deadline)
        self._listen_host = listen_host
        self._reach_host = reach_host or (api.host if _is_any(listen_host) else listen_host)
        self._pool = tuple(ports)
        self._kind = kind
        self._drain_within = drain_within
        self._links: dict[str, Link | int] = {}
        """By name; of one that is being created, its port."""

    async def version(self) -> str:
        """Its version, such as "2.12.0"."""
        return await self._client.version()

    async def kind(self) -> LinkKind:
        """The Go binary or the embedded proxy: only the latter answers `GET /connections`."""
        if self._kind is None:
            self._kind = LinkKind.EMBEDDED if await self._client.tells_connections() else LinkKind.TOXIPROXY
        return self._kind

    async def create_link(
        self, name: str, upstream: Address, *, listen_host: str | None = None, listen_port: int | None = None
    ) -> Link:
        """A new link to `upstream`, as Toxiproxy reaches it. Port 0 is any; None: the next of the pool, else any.

        Raises ValueError for a name that cannot be part of a URL, and LinkError when the name or the port is taken.
        """
        if not _NAME.fullmatch(name):
            raise ValueError(f"a link's name is letters, digits, '.', '_' and '-'; found {name!r}")
        if name in self._links:
            raise LinkError(f"there is a link {name!r} already; close it first, or choose another name")
        kind = await self.kind()
        host = listen_host or self._listen_host
        port = self._take_port() if listen_port is None else listen_port
        wanted = str(Address(host, port))
        self._links[name] = port  # before it is there: close() removes also what was cancelled half-way
        try:
            await self._client.create(name, upstream=upstream, listen=wanted)
        except ApiRefused:
            del self._links[name]
            raise
        found = await self._client.proxy(name)
        expect_same(
            {"name": name, "upstream": str(upstream), "listen": wanted, "enabled": True},
            found,
            what=f"the link {name!r}",
        )
        listen_on = str(found["listen"])
        link = Link(
            self._client,
            name=name,
            upstream=upstream,
            listen=listen_on,
            address=Address(self._reach_host, split_listen(listen_on)[1]),
            kind=kind,
            drain_within=self._drain_within,
            on_close=self._forget,
        )
        self._links[name] = link
        return link

    @property
    def links(self) -> tuple[Link, ...]:
        """The links made here and not closed."""
        return tuple(link for link in self._links.values() if isinstance(link, Link))

    async def proxies(self) -> tuple[str, ...]:
        """The names of all proxies there, whoever made them."""
        return tuple(sorted(await self._client.proxies()))

    async def remove(self, name: str) -> None:
        """Remove a proxy, whoever made it; one that is not there is fine."""
        try:
            await self._client.delete(name)
        except ApiRefused as error:
            if error.status != 404:
                raise
        self._links.pop(name, None)

    async def close(self) -> None:
        """Close every link made here; all are tried, then the first failure is raised."""
        failures: list[LinkError] = []
        for name, link in list(self._links.items()):
            try:
                await (link.close() if isinstance(link, Link) else self.remove(name))
            except LinkError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    async def __aenter__(self) -> Toxiproxy:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def _forget(self, link: Link) -> None:
        del self._links[link.name]

    def _take_port(self) -> int:
        if not self._pool:
            return 0
        taken = {split_listen(link.listen)[1] if isinstance(link, Link) else link for link in self._links.values()}
        for port in self._pool:
            if port not in taken:
                return port
        raise LinkError(
            f"no port is left of those that reach Toxiproxy at {self.api}; close a link, or publish more ports"
        )


def _is_any(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
