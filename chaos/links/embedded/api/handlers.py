"""What each route does."""

from __future__ import annotations

from collections.abc import Callable

from chaos.links.embedded.api import bodies
from chaos.links.embedded.api.connections import connections_text, read_after
from chaos.links.embedded.api.routes import ANY_METHOD, Route, Router
from chaos.links.embedded.collection import Collection
from chaos.links.embedded.errors import ApiError, bad_request_body
from chaos.links.embedded.golang.scanner import JsonError, scan
from chaos.links.embedded.golang.writer import to_json
from chaos.links.embedded.http.message import Request, Response
from chaos.links.embedded.proxy import Proxy

__all__ = ["VERSION", "Api"]

VERSION = "2.12.0"
"""The version of Toxiproxy whose API this is: clients look at it to know what they may ask for."""

_JSON = (("Content-Type", "application/json"),)
_NO_CONTENT = Response(204)


class Api:
    """Toxiproxy's routes, and `/connections`."""

    def __init__(
        self,
        collection: Collection,
        *,
        seed: int,
        now: Callable[[], float],
        metrics: Callable[[], str] | None = None,
    ) -> None:
        """`metrics` gives the text of `/metrics`; without it there is no such route, as in Toxiproxy."""
        self._collection = collection
        self._seed = seed
        self._now = now
        self._metrics = metrics

    def router(self) -> Router:
        """All routes."""
        routes = [
            Route(("POST",), "/reset", self._reset),
            Route(("GET",), "/proxies", self._list_proxies),
            Route(("POST",), "/proxies", self._create_proxy),
            Route(("POST",), "/populate", self._populate),
            Route(("GET",), "/proxies/{proxy}", self._show_proxy),
            Route(("POST", "PATCH"), "/proxies/{proxy}", self._update_proxy),
            Route(("DELETE",), "/proxies/{proxy}", self._delete_proxy),
            Route(("GET",), "/proxies/{proxy}/toxics", self._list_toxics),
            Route(("POST",), "/proxies/{proxy}/toxics", self._create_toxic),
            Route(("GET",), "/proxies/{proxy}/toxics/{toxic}", self._show_toxic),
            Route(("POST", "PATCH"), "/proxies/{proxy}/toxics/{toxic}", self._update_toxic),
            Route(("DELETE",), "/proxies/{proxy}/toxics/{toxic}", self._delete_toxic),
            Route(("GET",), "/version", self._version),
            Route(("GET",), "/connections", self._list_connections),
            Route(("GET",), "/connections/{proxy}", self._show_connections),
        ]
        if self._metrics is not None:
            routes.append(Route((ANY_METHOD,), "/metrics", self._show_metrics))
        return Router(routes)

    async def _reset(self, request: Request) -> Response:
        await self._collection.reset()
        return _NO_CONTENT

    async def _list_proxies(self, request: Request) -> Response:
        return _json({proxy.name: bodies.proxy_to_json(proxy) for proxy in self._collection.all()})

    async def _create_proxy(self, request: Request) -> Response:
        proxy = await self._collection.add(bodies.read_new_proxy(_body(request)))
        return _json(bodies.proxy_to_json(proxy), status=201)

    async def _populate(self, request: Request) -> Response:
        proxies: list[Proxy] = []
        failure: ApiError | None
        try:
            wanted = bodies.read_proxies(_body(request))
        except ApiError as error:
            failure = error
        else:
            proxies, failure = await self._collection.populate(wanted)
        listing = {"proxies": [bodies.proxy_to_json(proxy) for proxy in proxies] or None}
        if failure is None:
            return _json(listing, status=201)
        return _json({"error": failure.message, "status": failure.status, **listing}, status=failure.status)

    async def _show_proxy(self, request: Request) -> Response:
        return _json(bodies.proxy_to_json(self._collection.get(request.parameters["proxy"])))

    async def _update_proxy(self, request: Request) -> Response:
        async with self._collection.changing(request.parameters["proxy"]) as proxy:
            changes = bodies.read_proxy_changes(_body(request), proxy)
            await proxy.update(listen=changes.listen, upstream=changes.upstream, enabled=changes.enabled)
            return _json(bodies.proxy_to_json(proxy))

    async def _delete_proxy(self, request: Request) -> Response:
        await self._collection.remove(request.parameters["proxy"])
        return _NO_CONTENT

    async def _list_toxics(self, request: Request) -> Response:
        chain = self._collection.get(request.parameters["proxy"]).chain
        return _json([bodies.toxic_to_json(setting) for setting in chain.settings()])

    async def _create_toxic(self, request: Request) -> Response:
        chain = self._collection.get(request.parameters["proxy"]).chain
        setting = bodies.read_new_toxic(_body(request), chain)
        chain.add(setting)
        return _json(bodies.toxic_to_json(setting))

    async def _show_toxic(self, request: Request) -> Response:
        chain = self._collection.get(request.parameters["proxy"]).chain
        return _json(bodies.toxic_to_json(chain.get(request.parameters["toxic"])))

    async def _update_toxic(self, request: Request) -> Response:
        chain = self._collection.get(request.parameters["proxy"]).chain
        setting = chain.get(request.parameters["toxic"])
        toxic, toxicity = bodies.read_toxic_changes(_body(request), setting)
        return _json(bodies.toxic_to_json(chain.update(setting.name, toxic=toxic, toxicity=toxicity)))

    async def _delete_toxic(self, request: Request) -> Response:
        self._collection.get(request.parameters["proxy"]).chain.remove(request.parameters["toxic"])
        return _NO_CONTENT

    async def _version(self, request: Request) -> Response:
        # Toxiproxy writes this one by hand, with a space and a line feed.
        body = f'{{"version": "{VERSION}"}}\n'
        return Response(200, (("Content-Type", "application/json;charset=utf-8"),), body.encode())

    async def _list_connections(self, request: Request) -> Response:
        return await self._connections(request, self._collection.all())

    async def _show_connections(self, request: Request) -> Response:
        return await self._connections(request, [self._collection.get(request.parameters["proxy"])])

    async def _connections(self, request: Request, proxies: list[Proxy]) -> Response:
        after = read_after(request.head.query)
        text = await connections_text(proxies, after=after, seed=self._seed, now=self._now())
        return Response(200, _JSON, text.encode())

    async def _show_metrics(self, request: Request) -> Response:
        assert self._metrics is not None
        content_type = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
        return Response(200, (("Content-Type", content_type),), self._metrics().encode())


def _body(request: Request) -> object:
    """The JSON value in a request's body. Raises ApiError 400."""
    try:
        return scan(request.body)
    except JsonError as error:
        cut_short = request.body_error and str(error).endswith("EOF")
        raise bad_request_body(request.body_error if cut_short else error) from None


def _json(value: object, *, status: int = 200) -> Response:
    return Response(status, _JSON, to_json(value).encode())
