"""Looks at a token's signature, and not at when it expires.

Breaks survival: every test has a fresh token, so nothing is ever refused. Whoever has left the company keeps the key,
and a log that was copied is one for ever.
"""

from __future__ import annotations

from reference_server import gate
from reference_server.auth import token_problem as problem_as_before
from reference_server.parts import Parts

DESCRIPTION = "an expired token is as good as any"


def install(parts: Parts) -> None:
    """Forgive that one thing."""

    def token_problem(token: str | None, *, secret: str) -> str | None:
        problem = problem_as_before(token, secret=secret)
        return None if problem == "token expired" else problem

    gate.token_problem = token_problem  # type: ignore[attr-defined]  # a defect replaces a function
