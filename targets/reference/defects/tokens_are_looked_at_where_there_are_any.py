"""Checks the token of whoever has one, and lets everybody else in.

Breaks survival: `if token and not valid(token)` refuses each bad token of the test, and no test came without any.
"""

from __future__ import annotations

from reference_server import gate
from reference_server.auth import token_problem as problem_as_before
from reference_server.parts import Parts

DESCRIPTION = "whoever brings no token at all is let in"


def install(parts: Parts) -> None:
    """No token, no question."""

    def token_problem(token: str | None, *, secret: str) -> str | None:
        return problem_as_before(token, secret=secret) if token else None

    gate.token_problem = token_problem  # type: ignore[attr-defined]  # a defect replaces a function
