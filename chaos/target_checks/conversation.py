"""What is said to the server: the headers of a request, and what its dialect can say."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chaos.dialects import WEBSOCKET, Dialect, known_dialects
from chaos.mistakes import Mistake, dotted, shown
from chaos.suggest import suggest_value
from chaos.target import Echo, Endpoints
from chaos.target_checks.document import Document, value_at

__all__ = ["check"]

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HANDSHAKE = frozenset({"connection", "upgrade"})


def check(document: Document) -> Iterator[Mistake]:
    """The mistakes of this kind, in the order in which they are told."""
    yield from _headers_are_tokens(document)
    yield from _dialect_is_known(document)
    yield from _dialect_can_say_it(document)


def _headers_are_tokens(document: Document) -> Iterator[Mistake]:
    unauthorized = ("promises", "survival", "unauthorized")
    for name in value_at(document, unauthorized, dict) or {}:
        yield from _headers(document, (*unauthorized, name), subprotocol="")
    yield from _headers(document, ("promises", "accept_breaker", "own_failure"), subprotocol="")
    for endpoint in Endpoints.model_fields:
        table = ("endpoints", endpoint)
        yield from _headers(document, (*table, "headers"), subprotocol=dotted((*table, "subprotocol")))
        subprotocol = value_at(document, (*table, "subprotocol"), str)
        if subprotocol is not None and not _TOKEN.fullmatch(subprotocol):
            yield Mistake(
                key=(*table, "subprotocol"),
                problem="is no subprotocol's name",
                found=shown(subprotocol),
                allowed="one name, of letters, digits and !#$%&'*+-.^_`|~",
            )


def _headers(document: Document, table: tuple[str, ...], *, subprotocol: str) -> Iterator[Mistake]:
    for name, value in (value_at(document, table, dict) or {}).items():
        key = (*table, name)
        if not _TOKEN.fullmatch(name):
            yield Mistake(key=key, problem="is no name of a header", allowed="letters, digits and !#$%&'*+-.^_`|~")
        elif name.lower() in _HANDSHAKE or name.lower().startswith("sec-websocket-"):
            hint = subprotocol if name.lower() == "sec-websocket-protocol" else ""
            yield Mistake(key=key, problem="belongs to the handshake, which the suite writes itself", hint=hint)
        elif isinstance(value, str) and not value.isprintable():
            yield Mistake(key=key, problem="has a control character in its value", found=shown(value))


def _dialect_is_known(document: Document) -> Iterator[Mistake]:
    name = value_at(document, ("dialect",), str)
    if name is not None and name not in known_dialects():
        choices = list(known_dialects())
        yield Mistake(
            key=("dialect",),
            problem="is none of the choices",
            found=shown(name),
            allowed=f"one of {', '.join(map(shown, choices))}",
            hint=suggest_value(name, {"enum": choices}),
        )


def _dialect_can_say_it(document: Document) -> Iterator[Mistake]:
    """What is sent, and where, is something that the dialect has."""
    dialect = _dialect(document)
    if dialect is None:
        return
    for endpoint in Endpoints.model_fields:
        table = value_at(document, ("endpoints", endpoint), dict)
        if table is None:
            continue
        namespace = value_at(table, ("namespace",), str)
        if namespace is not None and not dialect.namespaces:
            yield Mistake(
                key=("endpoints", endpoint, "namespace"),
                problem=f"is nothing that is joined with dialect = {shown(dialect.name)}",
                found=shown(namespace),
            )
        send = table.get("send", Echo.model_fields["send"].default if endpoint == "echo" else None)
        if isinstance(send, str) and (why := dialect.unsayable(send)):
            yield Mistake(
                key=("endpoints", endpoint, "send"),
                problem=why,
                found=shown(send) if "send" in table else f"{shown(send)}, the default",
                allowed=dialect.sayable,
            )


def _dialect(document: Document) -> Dialect | None:
    """The dialect that a file names; None for one that nobody speaks."""
    known = known_dialects().get(value_at(document, ("dialect",), str) or WEBSOCKET)
    return None if known is None else known()
