"""Who may come in: the page that a browser names, and a signed token that has not expired."""

from __future__ import annotations

from http import HTTPStatus

import jwt
from websockets.http11 import Request

from hub.settings import Settings


def refusal(request: Request, settings: Settings) -> tuple[HTTPStatus, str] | None:
    """Why a client may not come in; None: it may."""
    origin = request.headers.get("Origin")
    if settings.origins and origin is not None and origin not in settings.origins:
        return HTTPStatus.FORBIDDEN, "origin not allowed"
    if settings.secret and not _good(request.headers.get("Authorization", ""), settings.secret):
        return HTTPStatus.UNAUTHORIZED, "token missing, invalid or expired"
    return None


def _good(authorization: str, secret: str) -> bool:
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer":
        return False
    try:
        # The algorithm is ours to choose and never the token's; one without an expiry would be good for ever.
        jwt.decode(token.strip(), secret, algorithms=["HS256"], options={"require": ["exp"]})
    except jwt.InvalidTokenError:
        return False
    return True
