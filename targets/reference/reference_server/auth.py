"""Who may open a connection: the Origin a browser names, and a signed token. Both are off unless configured."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from starlette.requests import HTTPConnection

ALGORITHM = "HS256"


def origin_allowed(headers: Mapping[str, str], *, allowed: Collection[str]) -> bool:
    """Whether the request may come from where it says. Programs other than browsers send no Origin and may."""
    origin = headers.get("origin")
    return not allowed or origin is None or origin in allowed


def token_of(request: HTTPConnection) -> str | None:
    """The token: `Authorization: Bearer …`, or `?token=…` for browsers, which cannot set headers on a WebSocket."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    return request.query_params.get("token")


def token_problem(token: str | None, *, secret: str) -> str | None:
    """Why the token is not good enough, or None if it is: signed with the secret, with an expiry that is not past."""
    if not secret:
        return None
    if token is None:
        return "token missing"
    # Imported on use: a server without tokens starts without it.
    import jwt

    try:
        # The algorithm is ours to choose, never the token's; "exp" is asked for, or a token would be good for ever.
        jwt.decode(token, secret, algorithms=[ALGORITHM], options={"require": ["exp"]})
    except jwt.ExpiredSignatureError:
        return "token expired"
    except jwt.InvalidTokenError:
        return "token invalid"
    return None
