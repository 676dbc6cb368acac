"""Which handler answers which method and path, with the manners of Toxiproxy's router."""

from __future__ import annotations

import dataclasses
import re
import secrets
from base64 import b32hexencode
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from chaos.links.embedded.errors import ApiError
from chaos.links.embedded.golang.writer import to_json
from chaos.links.embedded.http.message import Request, Response, text_response
from chaos.links.embedded.http.target import clean_path, escape_path

__all__ = ["ANY_METHOD", "Handle", "Route", "Router"]

Handle = Callable[[Request], Awaitable[Response]]

ANY_METHOD = ""


@dataclass(frozen=True, slots=True)
class Route:
    """A pattern such as `/proxies/{proxy}`; a name in braces takes one path segment."""

    methods: tuple[str, ...]
    pattern: str
    handle: Handle

    def match(self, path: str) -> dict[str, str] | None:
        """What the names stand for, or None."""
        expression = re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(self.pattern))
        matched = re.fullmatch(expression, path)
        return None if matched is None else matched.groupdict()

    def allows(self, method: str) -> bool:
        return ANY_METHOD in self.methods or method in self.methods


class Router:
    """Finds the route of a request and turns an ApiError into its answer."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = tuple(routes)

    async def handle(self, request: Request) -> Response:
        """Answer a request."""
        path, method = request.head.path, request.head.method
        if path == "*" and method == "OPTIONS":
            return Response(200)
        if clean_path(path) != path:
            query = f"?{request.head.query}" if request.head.query else ""
            return Response(301, (("Location", escape_path(clean_path(path)) + query),))
        found = [(route, match) for route in self._routes if (match := route.match(path)) is not None]
        if not found:
            return text_response(404, "404 page not found")
        for route, parameters in found:
            if route.allows(method):
                return await self._handle(route, dataclasses.replace(request, parameters=parameters))
        return Response(405)

    async def _handle(self, route: Route, request: Request) -> Response:
        request_id = ("X-Toxiproxy-Request-Id", _request_id())
        if request.head.header("user-agent").startswith("Mozilla/"):
            # A web page must not make its reader's browser change proxies.
            return text_response(403, "User agent not allowed", request_id)
        try:
            response = await route.handle(request)
        except ApiError as error:
            return text_response(error.status, to_json({"error": error.message, "status": error.status}), request_id)
        return dataclasses.replace(response, headers=(*response.headers, request_id))


def _request_id() -> str:
    """Twenty characters, as Toxiproxy's; random, so that they say nothing about the machine."""
    return b32hexencode(secrets.token_bytes(12)).decode().rstrip("=").lower()
