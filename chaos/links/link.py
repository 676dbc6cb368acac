"""A network path from clients to a server, and the harm done to it.

`Link` is one proxy on a Toxiproxy; `Toxiproxy.create_link` makes it. What a link believes of its proxy it has read from
it: every change is read back and compared.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any

from chaos.address import Address
from chaos.errors import LinkError
from chaos.links.bounded import ApiHung, ApiRefused
from chaos.links.client import ApiClient
from chaos.links.connections import ProxiedConnection
from chaos.links.readback import expect_same
from chaos.links.toxics import TOXICS, ResetPeerToxic, Stream, Toxic, check_toxicity
from chaos.links.traits import LinkKind

__all__ = ["Link", "ToxicHandle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicHandle:
    """A toxic on a link, as it was read back."""

    name: str
    """Unique on its link."""
    toxic: Toxic
    stream: Stream
    toxicity: float


class Link:
    """One proxy: clients connect to `address`, and it connects on to `upstream`.

    Methods wait for their turn, so that a read-back sees the change it belongs to. Each raises LinkError: when
    Toxiproxy refuses, when it hangs (see `Toxiproxy`), and when what is read back is not what was sent. No call takes
    longer than four deadlines of its client.
    """

    def __init__(
        self,
        client: ApiClient,
        *,
        name: str,
        upstream: Address,
        listen: str,
        address: Address,
        kind: LinkKind,
        drain_within: float,
        on_close: Callable[[Link], None],
    ) -> None:
        """Made by `Toxiproxy.create_link`, which has created and read back the proxy."""
        self.name = name
        self.upstream = upstream
        self.listen = listen
        """Where the proxy listens, in its own network and as Toxiproxy writes it."""
        self.address = address
        self.kind = kind
        self._client = client
        self._drain_within = drain_within
        self._on_close = on_close
        self._turn = asyncio.Lock()
        self._numbers = itertools.count(1)
        self._enabled = True
        self._reset: tuple[ToxicHandle, ...] = ()
        self._closed = False

    # -- toxics ---------------------------------------------------------------------------------------------------

    async def add(
        self, toxic: Toxic, *, stream: Stream | str = Stream.DOWNSTREAM, toxicity: float = 1.0
    ) -> ToxicHandle:
        """Add a toxic and see it there. Raises ValueError for a stream or toxicity that cannot be."""
        name = f"{toxic.type}-{next(self._numbers)}"
        wanted = ToxicHandle(name=name, toxic=toxic, stream=Stream.of(stream), toxicity=check_toxicity(toxicity))
        async with self._turn:
            return await self._add(wanted)

    async def update(self, handle: ToxicHandle, toxic: Toxic, *, toxicity: float | None = None) -> ToxicHandle:
        """Give a toxic other figures and see them there. Raises ValueError for one of another type.

        Where Toxiproxy may die of an update, as of a rate that rises, it is a toxic of its own at the end of the chain.
        """
        if toxic.type != handle.toxic.type:
            raise ValueError(f"{handle.name!r} is a {handle.toxic.type}; a {toxic.type} is another toxic: add that one")
        share = handle.toxicity if toxicity is None else check_toxicity(toxicity)
        wanted = replace(handle, toxic=toxic, toxicity=share)
        async with self._turn:
            if toxic.takes_the_place_of(handle.toxic):
                await self._remove(handle)
                return await self._add(wanted)
            return await self._update(wanted)

    async def remove(self, handle: ToxicHandle) -> None:
        """Take a toxic away and see it gone; the data that it held is let go first."""
        async with self._turn:
            await self._remove(handle)

    async def toxics(self) -> tuple[ToxicHandle, ...]:
        """Every toxic there is on the link, read from Toxiproxy."""
        async with self._turn:
            return tuple(_read_handle(name, found) for name, found in (await self._client.toxics(self.name)).items())

    # -- true RST -------------------------------------------------------------------------------------------------

    async def prepare_reset(self) -> None:
        """Make `reset_all` possible for the connections that are opened from now on.

        Toxiproxy sets the linger option that turns a close into an RST only when a connection starts; a reset_peer
        that acts on nobody (toxicity 0) makes it do so. The price: until `end_reset`, whatever way such a connection
        ends, it ends in RST.
        """
        async with self._turn:
            if not self._reset:
                self._reset = tuple(
                    [
                        await self._add(
                            ToxicHandle(name=f"reset-{stream}", toxic=ResetPeerToxic(), stream=stream, toxicity=0.0)
                        )
                        for stream in Stream
                    ]
                )

    async def reset_all(self) -> None:
        """From now on every connection gets a true RST, on both sides, with the next byte in either direction.

        An idle connection stays until something is sent on it: send something. Raises LinkError on a link whose kind
        cannot reset what was open before `prepare_reset`, when that was not called.
        """
        if not self._reset:
            if not self.kind.resets_established:
                raise LinkError(
                    f"{self.name!r} was not prepared for resets: Toxiproxy would send FIN; "
                    "call prepare_reset() before the clients connect"
                )
            await self.prepare_reset()
        async with self._turn:
            self._reset = tuple([await self._update(replace(handle, toxicity=1.0)) for handle in self._reset])

    async def end_reset(self) -> None:
        """Undo `reset_all` and `prepare_reset`: connections opened from now on end as their peers end them."""
        async with self._turn:
            for handle in self._reset:
                await self._remove(handle)
            self._reset = ()

    # -- the proxy itself -----------------------------------------------------------------------------------------

    async def down(self) -> None:
        """Stop listening and cut every connection, by FIN (by RST after `prepare_reset`)."""
        await self._set_enabled(False)

    async def up(self) -> None:
        """Listen again, on the same port."""
        await self._set_enabled(True)

    async def connections(self) -> tuple[ProxiedConnection, ...] | None:
        """What became of each connection, where the proxy can tell (the embedded one); None where it cannot."""
        found = await self._client.connections(self.name) if self.kind is LinkKind.EMBEDDED else None
        return None if found is None else tuple(ProxiedConnection.read(record) for record in found)

    async def close(self) -> None:
        """Remove the proxy, with its toxics and whatever they hold, and see it gone. Closing twice is fine."""
        async with self._turn:
            if self._closed:
                return
            # Toxics are not removed one by one: that is what can hang, and removing the proxy does not touch them.
            try:
                await self._client.delete(self.name)
            except ApiRefused as error:
                if error.status != 404:
                    raise
            self._closed = True
            self._on_close(self)
            try:
                await self._client.proxy(self.name)
            except ApiRefused as error:
                if error.status == 404:
                    return
                raise
            raise LinkError(f"{self.name!r} was removed but is still there; does somebody else create it?")

    async def __aenter__(self) -> Link:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- within ---------------------------------------------------------------------------------------------------

    async def _add(self, wanted: ToxicHandle) -> ToxicHandle:
        await self._change(
            self._client.add_toxic(self.name, wanted.name, wanted.toxic, stream=wanted.stream, toxicity=wanted.toxicity)
        )
        return await self._read_back(wanted)

    async def _update(self, wanted: ToxicHandle) -> ToxicHandle:
        await self._change(self._client.update_toxic(self.name, wanted.name, wanted.toxic, toxicity=wanted.toxicity))
        return await self._read_back(wanted)

    async def _remove(self, handle: ToxicHandle) -> None:
        released = handle.toxic.released()
        if released is not None and self.kind is LinkKind.TOXIPROXY:
            await self._update(replace(handle, toxic=released))
            await asyncio.sleep(min(handle.toxic.longest_hold(), self._drain_within))
        await self._change(self._client.remove_toxic(self.name, handle.name))
        if handle.name in await self._change(self._client.toxics(self.name)):
            raise LinkError(f"{handle.name!r} was removed from {self.name!r} but is still there")

    async def _read_back(self, wanted: ToxicHandle) -> ToxicHandle:
        found = (await self._change(self._client.toxics(self.name))).get(wanted.name)
        if found is None:
            raise LinkError(f"{wanted.name!r} was put on {self.name!r} but is not there")
        expect_same(
            {"type": wanted.toxic.type, "stream": wanted.stream.value, "toxicity": wanted.toxicity},
            {"type": found.type, "stream": found.stream, "toxicity": found.toxicity},
            what=f"{wanted.name!r} on {self.name!r}",
        )
        expect_same(wanted.toxic.attributes(), found.attributes, what=f"{wanted.name!r} on {self.name!r}")
        return replace(wanted, toxicity=float(found.toxicity))

    async def _set_enabled(self, enabled: bool) -> None:
        async with self._turn:
            await self._change(self._client.set_enabled(self.name, enabled=enabled))
            expect_same(
                {"enabled": enabled, "listen": self.listen},
                await self._change(self._client.proxy(self.name)),
                what=f"{'enabling' if enabled else 'disabling'} {self.name!r}",
            )
            self._enabled = enabled

    async def _change(self, call: Awaitable[Any]) -> Any:
        try:
            return await call
        except ApiHung as error:
            raise LinkError(f"{error}; {await self._recover()}") from error

    async def _recover(self) -> str:
        """Replace a proxy that hangs by a new one in the same place; what was done, as the end of a sentence."""
        try:
            await self._client.version()
        except LinkError:
            return "it answers nothing else either: restart it"
        self._reset = ()
        try:
            await self._client.delete(self.name)
            await self._client.create(self.name, upstream=self.upstream, listen=self.listen, enabled=self._enabled)
        except LinkError as error:
            return f"the proxy could not be recreated either ({error}): restart Toxiproxy"
        return f"{self.name!r} was recreated on {self.listen}: its connections are cut and its toxics are gone"


def _read_handle(name: str, found: Any) -> ToxicHandle:
    try:
        toxic = TOXICS[found.type].read(found.attributes)
        return ToxicHandle(name=name, toxic=toxic, stream=Stream.of(found.stream), toxicity=float(found.toxicity))
    except (KeyError, TypeError, ValueError) as error:
        raise LinkError(
            f"the toxic {name!r} ({found.type} {found.attributes}) is none that this library puts on a link; "
            "somebody else did"
        ) from error
