from __future__ import annotations

import re

import pytest

from chaos.links.embedded.api.routes import ANY_METHOD, Route, Router
from chaos.links.embedded.errors import proxy_not_found
from chaos.links.embedded.http.message import Request, Response, parse_head


async def echo(request: Request) -> Response:
    return Response(200, body=repr(dict(request.parameters)).encode())


async def fail(request: Request) -> Response:
    raise proxy_not_found()


ROUTER = Router(
    [
        Route(("GET",), "/a", echo),
        Route(("POST", "PATCH"), "/a", fail),
        Route(("GET",), "/a/{one}/b/{two}", echo),
        Route((ANY_METHOD,), "/any.thing", echo),
    ]
)


async def ask(request_line: str, *headers: str) -> Response:
    head = "\r\n".join((f"{request_line} HTTP/1.1", "Host: x", *headers))
    return await ROUTER.handle(Request(parse_head(head.encode()), b""))


async def test_a_route_gets_its_parameters():
    response = await ask("GET /a/x%20y/b/z?q")
    assert (response.status, response.body) == (200, b"{'one': 'x y', 'two': 'z'}")


async def test_a_parameter_is_one_segment():
    assert (await ask("GET /a/x/y/b/z")).status == 404
    assert (await ask("GET /a/x%2Fy/b/z")).status == 404


async def test_answers_of_routes_carry_a_request_id():
    first, second = [dict((await ask("GET /a")).headers)["X-Toxiproxy-Request-Id"] for _ in range(2)]
    assert re.fullmatch(r"[0-9a-v]{20}", first)
    assert first != second


async def test_unknown_paths_are_404_in_plain_text():
    response = await ask("GET /nope")
    assert response == Response(
        404,
        (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")),
        b"404 page not found\n",
    )


@pytest.mark.parametrize("method", ["DELETE", "HEAD", "OPTIONS", "get"])
async def test_unknown_methods_are_405_and_empty(method: str):
    assert await ask(f"{method} /a") == Response(405)


async def test_any_method():
    assert (await ask("DELETE /any.thing")).status == 200
    assert (await ask("GET /anyXthing")).status == 404


async def test_an_error_becomes_its_answer():
    response = await ask("PATCH /a")
    assert (response.status, response.body) == (404, b'{"error":"proxy not found","status":404}\n')
    assert dict(response.headers)["Content-Type"] == "text/plain; charset=utf-8"


async def test_browsers_are_turned_away_from_what_there_is():
    response = await ask("GET /a", "User-Agent: Mozilla/5.0")
    assert (response.status, response.body) == (403, b"User agent not allowed\n")
    assert (await ask("GET /nope", "User-Agent: Mozilla/5.0")).status == 404
    assert (await ask("GET /a", "User-Agent: NotMozilla/5.0")).status == 200


async def test_unclean_paths_are_redirected_query_and_all():
    assert await ask("GET //a/../b%20c/?q=1") == Response(301, (("Location", "/b%20c/?q=1"),))


async def test_the_server_as_a_whole_has_no_options():
    assert await ask("OPTIONS *") == Response(200)
