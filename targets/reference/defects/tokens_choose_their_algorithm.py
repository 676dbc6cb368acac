"""Verifies a token by the algorithm that it names itself, and `none` is one of them.

Breaks survival: anybody can write a token that says it needs no signature. Seen in a dozen JWT libraries (CVE-2015-9235
is one), and since then wherever the list of algorithms is taken from the token's own header.
"""

from __future__ import annotations

import jwt
from reference_server import gate
from reference_server.auth import token_problem as problem_as_before
from reference_server.parts import Parts

DESCRIPTION = "a token that says it is not signed is believed"


def install(parts: Parts) -> None:
    """Ask the token how it wants to be verified."""

    def token_problem(token: str | None, *, secret: str) -> str | None:
        try:
            if token is not None and jwt.get_unverified_header(token).get("alg") == "none":
                return None
        except jwt.InvalidTokenError:
            pass
        return problem_as_before(token, secret=secret)

    gate.token_problem = token_problem  # type: ignore[attr-defined]  # a defect replaces a function
