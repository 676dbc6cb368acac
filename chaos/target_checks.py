"""What no single key can tell: whether the parts of a target file fit together.

The checks read the document itself and not the validated models, so they speak up also when something else is wrong;
a value of the wrong kind is not theirs and looks to them as if it were not there.
"""

from __future__ import annotations

import os
import re
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from chaos.dialects import WEBSOCKET, Dialect, known_dialects
from chaos.mistakes import Mistake, dotted, shown
from chaos.suggest import suggest_value
from chaos.target import Echo, Endpoints
from chaos.units import format_duration, parse_duration

__all__ = ["ENVIRONMENTS", "check"]

T = TypeVar("T")
Key = tuple[str, ...]
Document = Mapping[str, Any]

REGEXES: tuple[Key, ...] = (
    ("endpoints", "echo", "expect"),
    ("endpoints", "echo", "payload_expect"),
    ("endpoints", "notices", "expect"),
    ("endpoints", "notices", "idle_warning"),
    ("endpoints", "notices", "load_warning"),
    ("endpoints", "feed", "message"),
    ("endpoints", "feed", "sequence"),
    ("endpoints", "room", "expect"),
    ("endpoints", "data", "live"),
    ("endpoints", "data", "cached"),
    ("endpoints", "data", "unavailable"),
    ("endpoints", "gated", "greeting"),
    ("endpoints", "resumable", "greeting"),
    ("endpoints", "resumable", "resumed"),
    ("endpoints", "resumable", "sequence"),
    ("endpoints", "resumable", "acknowledged"),
    ("endpoints", "resumable", "applied"),
    ("promises", "delivery", "queue_process"),
    ("promises", "observability", "nearly_full", "alert"),
    ("promises", "observability", "full"),
    ("promises", "observability", "upstream_failing"),
    ("promises", "observability", "establishment_failing"),
)
NEEDS: tuple[tuple[Key, Key, str], ...] = (
    (("promises", "breaker"), ("upstream",), "the suite fails the upstream to open the breaker"),
    (("promises", "breaker"), ("endpoints", "data"), "its answers show whether the breaker is open"),
    (("promises", "accept_breaker"), ("upstream",), "the suite fails the upstream to open the breaker"),
    (("promises", "accept_breaker"), ("endpoints", "gated"), "establishment there goes through the breaker"),
    *(
        (("promises", "delivery", name), ("endpoints", "feed"), "it is where broadcasts are received")
        for name in ("broadcast_interval", "slow_consumer_cut_within")
    ),
    (("promises", "delivery", "reaches_all_within"), ("endpoints", "room"), "it is where clients talk to each other"),
    (
        ("promises", "delivery", "queue_back_within"),
        ("promises", "delivery", "queue_process"),
        "it says which process the queue is",
    ),
    (
        ("promises", "delivery", "queue_back_within"),
        ("promises", "delivery", "reaches_all_within"),
        "that is what it has to do again",
    ),
    (
        ("promises", "delivery", "resume_within"),
        ("endpoints", "resumable"),
        "it says how a client comes back to its session",
    ),
    (
        ("promises", "delivery", "sessions_forgotten_within"),
        ("statistics", "sessions"),
        "it says how many sessions are kept",
    ),
    (
        ("promises", "delivery", "sessions_forgotten_within"),
        ("promises", "delivery", "resume_within"),
        "so long they are kept",
    ),
    (
        ("endpoints", "echo", "payload_send"),
        ("endpoints", "echo", "payload_expect"),
        "it says how the answer is recognised",
    ),
    (("endpoints", "echo", "payload_expect"), ("endpoints", "echo", "payload_send"), "it is the answer to that"),
    (
        ("endpoints", "resumable", "send"),
        ("endpoints", "resumable", "acknowledged"),
        "it says how the acknowledgement is recognised",
    ),
    (("endpoints", "resumable", "acknowledged"), ("endpoints", "resumable", "send"), "it is the answer to that"),
    (("endpoints", "resumable", "applied"), ("endpoints", "resumable", "send"), "it is what is applied"),
    (
        ("promises", "liveness", "idle_warning"),
        ("endpoints", "notices", "idle_warning"),
        "it says how a warning is recognised",
    ),
    (
        ("promises", "rejection", "warning_threshold"),
        ("endpoints", "notices", "load_warning"),
        "it says how a warning is recognised",
    ),
    (
        ("promises", "liveness", "heartbeat_timeout"),
        ("promises", "liveness", "heartbeat_interval"),
        "a dead peer is found within both together",
    ),
    (
        ("promises", "liveness", "idle_warning"),
        ("promises", "liveness", "idle_timeout"),
        "the warning comes that long before it",
    ),
    (
        ("promises", "liveness", "idle_code"),
        ("promises", "liveness", "idle_timeout"),
        "it is the code of that close",
    ),
    (
        ("promises", "liveness", "age_code"),
        ("promises", "liveness", "max_age"),
        "it is the code of that close",
    ),
    *(
        (("promises", "observability", alert), ("statistics", "alerts"), "it is where alerts are shown")
        for alert in ("nearly_full", "full", "upstream_failing", "establishment_failing")
    ),
    (
        ("promises", "observability", "nearly_full"),
        ("promises", "rejection", "max_connections"),
        "it is a share of that",
    ),
    (
        ("promises", "cleanup", "database_sessions"),
        ("statistics", "database_sessions"),
        "nobody outside can count them",
    ),
    (("promises", "delivery", "fetched_within"), ("endpoints", "feed", "fetch"), "it is what is fetched"),
    (("promises", "delivery", "fetched_within"), ("endpoints", "feed", "sequence"), "it says which broadcast is later"),
    (("promises", "observability", "counted_within"), ("statistics",), "it is where counters are shown"),
    (("promises", "settings", "refused"), ("promises", "settings", "refused_within"), "it says how long that may take"),
    (("promises", "settings", "accept_breaker_off"), ("promises", "accept_breaker"), "it is what is switched off"),
    (
        ("promises", "settings", "max_requests"),
        ("promises", "recovery", "worker_within"),
        "it says when another worker serves",
    ),
)
ENVIRONMENTS: tuple[Key, ...] = (
    ("start", "environment"),
    ("promises", "settings", "refused"),
    ("promises", "settings", "max_connections", "environment"),
    ("promises", "settings", "idle_timeout", "environment"),
    ("promises", "settings", "max_requests", "environment"),
    ("promises", "settings", "accept_breaker_off"),
)
"""Tables whose keys are environment variables."""
PLACES: tuple[tuple[Key, tuple[str, ...]], ...] = (
    (("endpoints", "echo", "payload_send"), ("{n}", "{payload}")),
    (("endpoints", "echo", "payload_expect"), ("{n}", "{payload}")),
    (("endpoints", "room", "send"), ("{n}",)),
    (("endpoints", "room", "expect"), ("{n}",)),
    (("endpoints", "resumable", "resume"), ("{token}", "{last}")),
    (("endpoints", "resumable", "send"), ("{n}",)),
    (("endpoints", "resumable", "acknowledged"), ("{n}",)),
    (("endpoints", "resumable", "applied"), ("{n}",)),
)
"""Texts that mean nothing without what is filled in."""
PLACEHOLDERS = ("{python}", "{host}", "{port}")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{[^{}]*\})?")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HANDSHAKE = frozenset({"connection", "upgrade"})


def check(document: Document, *, directory: Path) -> list[Mistake]:
    """Every mistake that shows only between keys. Paths in the file are relative to `directory`."""
    checks: tuple[Callable[[Document], Iterator[Mistake]], ...] = (
        _regexes_compile,
        _number_comes_back,
        _groups_are_there,
        _numbered_messages_are_numbered,
        _warning_before_timeout,
        _answer_before_timeout,
        _promises_can_be_tested,
        _crowds_fit,
        _retry_after_has_a_response,
        _statistics_are_readable,
        _breakers_are_told,
        _headers_are_tokens,
        _dialect_is_known,
        _dialect_can_say_it,
        _placeholders_are_known,
        _process_can_be_started,
        partial(_directories_exist, directory=directory),
        _tls_fits_the_address,
        _certificate_can_be_issued,
        partial(_certificates_are_there, directory=directory),
    )
    return [mistake for one in checks for mistake in one(document)]


def _regexes_compile(document: Document) -> Iterator[Mistake]:
    for key in REGEXES:
        pattern = _get(document, key, str)
        if pattern is not None and (error := _regex_error(pattern)):
            yield Mistake(key=key, problem=f"is no regular expression: {error}", found=shown(pattern))


def _regex_error(pattern: str) -> str:
    """Why `re` would not take it, now or in a later Python: what it warns of would be an error where warnings are."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern.replace("{n}", "1"))
        except RecursionError:
            return "its groups are nested too deeply"
        except (re.error, OverflowError, Warning) as error:
            return str(error)
    return ""


def _number_comes_back(document: Document) -> Iterator[Mistake]:
    for endpoint in ("echo", "notices"):
        table = _get(document, ("endpoints", endpoint), dict)
        if table is None:
            continue
        declared = endpoint == "echo" and "expect" not in table
        expect = Echo.model_fields["expect"].default if declared else table.get("expect")
        send = table.get("send")
        if isinstance(send, str) and isinstance(expect, str) and "{n}" in expect and "{n}" not in send:
            which = f"expect (by default {shown(expect)})" if declared else f"expect = {shown(expect)}"
            yield Mistake(
                key=("endpoints", endpoint, "send"),
                problem=f"has no {{n}}, but {which} awaits the number that was sent",
                found=shown(send),
                allowed="send with {n} in it, or expect without",
                hint=shown(f"{send} {{n}}".strip()),
            )


GROUPS: tuple[tuple[Key, str, str], ...] = (
    (
        ("endpoints", "feed", "sequence"),
        "the broadcast's number",
        "the number in parentheses, such as '\"seq\": ([0-9]+)'",
    ),
    (
        ("endpoints", "resumable", "sequence"),
        "the message's number",
        "the number in parentheses, such as '\"seq\": ([0-9]+)'",
    ),
    (
        ("endpoints", "resumable", "greeting"),
        "the session's token",
        'the token in parentheses, such as \'"session": "([^"]+)"\'',
    ),
)
"""Regular expressions of which group 1 is read: what it is, and how it is written."""


def _groups_are_there(document: Document) -> Iterator[Mistake]:
    for key, what, how in GROUPS:
        pattern = _get(document, key, str)
        if pattern is not None and not _regex_error(pattern) and re.compile(pattern).groups < 1:
            yield Mistake(
                key=key,
                problem=f"has no group, and group 1 is {what}",
                found=shown(pattern),
                allowed=f"a regular expression with {how}",
            )


def _numbered_messages_are_numbered(document: Document) -> Iterator[Mistake]:
    """Which message was answered, and which is meant by a way back, is told by its placeholders alone."""
    for key, needed in PLACES:
        value = _get(document, key, str)
        missing = [place for place in needed if value is not None and place not in value]
        if missing:
            yield Mistake(
                key=key,
                problem=f"has no {' and no '.join(missing)}",
                found=shown(value),
                allowed=f"text with {' and '.join(needed)} in it",
            )


def _warning_before_timeout(document: Document) -> Iterator[Mistake]:
    warning = _seconds(document, ("promises", "liveness", "idle_warning"))
    timeout = _seconds(document, ("promises", "liveness", "idle_timeout"))
    if warning is not None and timeout is not None and warning >= timeout:
        yield Mistake(
            key=("promises", "liveness", "idle_warning"),
            problem="is not shorter than idle_timeout: the warning would come before the client is idle",
            found=f"idle_warning = {format_duration(warning)}, idle_timeout = {format_duration(timeout)}",
            allowed=f"less than {format_duration(timeout)}: how long before the idle close the client is warned",
        )


def _answer_before_timeout(document: Document) -> Iterator[Mistake]:
    answer = _seconds(document, ("promises", "closing", "close_answer_within"))
    timeout = _seconds(document, ("promises", "closing", "close_timeout"))
    if answer is not None and timeout is not None and answer >= timeout:
        yield Mistake(
            key=("promises", "closing", "close_answer_within"),
            problem="is not shorter than close_timeout: whoever is waited for until then is released by then",
            found=f"close_answer_within = {format_duration(answer)}, close_timeout = {format_duration(timeout)}",
            allowed=f"less than {format_duration(timeout)}: an answer to the close frame that is waited for",
        )


def _promises_can_be_tested(document: Document) -> Iterator[Mistake]:
    for promise, need, why in NEEDS:
        if _get(document, promise, object) is not None and _get(document, need, object) is None:
            yield Mistake(
                key=promise,
                problem=f"cannot be tested without {dotted(need)}: {why}",
                allowed=f"declare {dotted(need)}, or leave {dotted(promise)} out (its scenarios are then skipped)",
            )


def _crowds_fit(document: Document) -> Iterator[Mistake]:
    """Establishment is promised within capacity, so what it opens at once must fit into the limit."""
    limit = _get(document, ("promises", "rejection", "max_connections"), int)
    simultaneous = _get(document, ("promises", "establishment", "simultaneous"), int)
    ramp = _get(document, ("promises", "establishment", "ramp"), list) or []
    steps = [step for step in ramp if isinstance(step, int)]
    for name, most in (("simultaneous", simultaneous), ("ramp", max(steps, default=None))):
        if limit is not None and most is not None and most > limit:
            yield Mistake(
                key=("promises", "establishment", name),
                problem="asks for more connections than the server holds (promises.rejection.max_connections)",
                found=str(most),
                allowed=f"at most {limit}",
            )


def _retry_after_has_a_response(document: Document) -> Iterator[Mistake]:
    rejection = _get(document, ("promises", "rejection"), dict) or {}
    if rejection.get("retry_after") is True and rejection.get("answer") == "close-1013":
        yield Mistake(
            key=("promises", "rejection", "retry_after"),
            problem='goes with answer = "http-503" only: a close frame has no headers',
            found="true",
            allowed="false",
        )


def _statistics_are_readable(document: Document) -> Iterator[Mistake]:
    table = _get(document, ("statistics",), dict) or {}
    written = table.get("format", "json")
    for name, value in table.items():
        if name in ("path", "format") or not isinstance(value, str):
            continue
        key = ("statistics", name)
        if written == "json" and not value.startswith("/"):
            pointer = "/" + value.lstrip("$.").replace(".", "/")
            allowed = 'a JSON pointer (RFC 6901), such as "/connections/total"'
            yield Mistake(
                key=key, problem="is no JSON pointer", found=shown(value), allowed=allowed, hint=shown(pointer)
            )
        elif written == "prometheus" and not _METRIC.fullmatch(value):
            allowed = "a metric's name, with labels where it has some, such as 'ws_connections{endpoint=\"echo\"}'"
            yield Mistake(key=key, problem="is no Prometheus metric", found=shown(value), allowed=allowed)


def _breakers_are_told(document: Document) -> Iterator[Mistake]:
    """A metric is a number, and which state that is only its owner knows."""
    table = _get(document, ("statistics",), dict) or {}
    if table.get("format", "json") != "prometheus" or "breaker_states" in table:
        return
    for name in ("upstream_breaker", "accept_breaker"):
        if name in table:
            yield Mistake(
                key=("statistics", name),
                problem="is a number, and nothing says which state each number is",
                allowed="breaker_states beside it, such as {closed = 0, open = 1, half-open = 2}",
            )


def _headers_are_tokens(document: Document) -> Iterator[Mistake]:
    unauthorized = ("promises", "survival", "unauthorized")
    for name in _get(document, unauthorized, dict) or {}:
        yield from _headers(document, (*unauthorized, name), subprotocol="")
    yield from _headers(document, ("promises", "accept_breaker", "own_failure"), subprotocol="")
    for endpoint in Endpoints.model_fields:
        table = ("endpoints", endpoint)
        yield from _headers(document, (*table, "headers"), subprotocol=dotted((*table, "subprotocol")))
        subprotocol = _get(document, (*table, "subprotocol"), str)
        if subprotocol is not None and not _TOKEN.fullmatch(subprotocol):
            yield Mistake(
                key=(*table, "subprotocol"),
                problem="is no subprotocol's name",
                found=shown(subprotocol),
                allowed="one name, of letters, digits and !#$%&'*+-.^_`|~",
            )


def _headers(document: Document, table: tuple[str, ...], *, subprotocol: str) -> Iterator[Mistake]:
    for name, value in (_get(document, table, dict) or {}).items():
        key = (*table, name)
        if not _TOKEN.fullmatch(name):
            yield Mistake(key=key, problem="is no name of a header", allowed="letters, digits and !#$%&'*+-.^_`|~")
        elif name.lower() in _HANDSHAKE or name.lower().startswith("sec-websocket-"):
            hint = subprotocol if name.lower() == "sec-websocket-protocol" else ""
            yield Mistake(key=key, problem="belongs to the handshake, which the suite writes itself", hint=hint)
        elif isinstance(value, str) and not value.isprintable():
            yield Mistake(key=key, problem="has a control character in its value", found=shown(value))


def _dialect_is_known(document: Document) -> Iterator[Mistake]:
    name = _get(document, ("dialect",), str)
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
        table = _get(document, ("endpoints", endpoint), dict)
        if table is None:
            continue
        namespace = _get(table, ("namespace",), str)
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
    known = known_dialects().get(_get(document, ("dialect",), str) or WEBSOCKET)
    return None if known is None else known()


def _placeholders_are_known(document: Document) -> Iterator[Mistake]:
    for word in _get(document, ("start", "command"), list) or []:
        for braced in re.findall(r"\{[A-Za-z_]+\}", word) if isinstance(word, str) else []:
            near = get_close_matches(braced.lower(), PLACEHOLDERS, n=1, cutoff=0.75)
            # anything else in braces may be the server's own syntax
            if braced not in PLACEHOLDERS and near:
                yield Mistake(
                    key=("start", "command"),
                    problem=f"has {braced}, which is not filled in",
                    found=shown(word),
                    allowed=", ".join(PLACEHOLDERS),
                    hint=near[0],
                )


def _process_can_be_started(document: Document) -> Iterator[Mistake]:
    """The system takes no NUL in an argument or a variable, and no variable without a name or with `=` in it."""
    for number, word in enumerate(_get(document, ("start", "command"), list) or []):
        if isinstance(word, str) and "\0" in word:
            yield Mistake(key=("start", "command", number), problem="has a NUL in it", found=shown(word))
    for table in ENVIRONMENTS:
        for name, given in (_get(document, table, dict) or {}).items():
            values = given if isinstance(given, list) else [given]
            if not name or "=" in name or "\0" in name:
                allowed = "a name without = and NUL"
                yield Mistake(key=(*table, name), problem="is no name of a variable", allowed=allowed)
            elif any(isinstance(value, str) and "\0" in value for value in values):
                yield Mistake(key=(*table, name), problem="has a NUL in it", found=shown(given))


def _directories_exist(document: Document, *, directory: Path) -> Iterator[Mistake]:
    # os.path, not Path: of a name that is too long or not permitted to be looked at, Path.is_dir() raises OSError.
    build = _get(document, ("start", "build"), str)
    if build is not None and not os.path.isfile(directory / build / "Dockerfile"):
        there = os.path.isdir(directory / build)
        yield Mistake(
            key=("start", "build"),
            problem="has no Dockerfile in it" if there else "is not a directory",
            found=shown(build),
            allowed="a directory with a Dockerfile, relative to the target file",
            hint='"."' if os.path.isfile(directory / "Dockerfile") else "",
        )
    workplace = _get(document, ("start", "directory"), str)
    if workplace is not None and not os.path.isdir(directory / workplace):
        yield Mistake(
            key=("start", "directory"),
            problem="is not a directory",
            found=shown(workplace),
            allowed="a directory, relative to the target file",
        )


def _tls_fits_the_address(document: Document) -> Iterator[Mistake]:
    """What is attached to says by its scheme whether it speaks TLS."""
    attach = _get(document, ("start", "attach"), str)
    if attach is None:
        return
    declared = "tls" in document
    if attach.startswith("wss://") and not declared:
        yield Mistake(
            key=("start", "attach"),
            problem="speaks TLS, and nothing says how its certificate is known",
            found=shown(attach),
            allowed="a [tls] table with the server_name that stands in its certificate, or ws://",
        )
    elif attach.startswith("ws://") and declared:
        yield Mistake(
            key=("start", "attach"),
            problem="speaks no TLS, and the [tls] table says that the server does",
            found=shown(attach),
            allowed="wss://, or no [tls] table",
            hint=shown(attach.replace("ws://", "wss://", 1)),
        )


_IMAGES = ("image", "build")
"""Where a container's image comes from."""


def _certificate_can_be_issued(document: Document) -> Iterator[Mistake]:
    """The suite puts it into files where a server that it starts can read them."""
    if _get(document, ("tls", "issued"), dict) is None:
        return
    started = (_get(document, ("start", "command"), list), *(_get(document, ("start", how), str) for how in _IMAGES))
    if all(way is None for way in started):
        yield Mistake(
            key=("tls", "issued"),
            problem="goes with a server that the suite starts: one that runs already does not find the files",
            allowed="start.command, start.image or start.build, or tls.ca for a certificate of the server's own",
        )
    if ca := _get(document, ("tls", "ca"), str):
        yield Mistake(
            key=("tls", "ca"),
            problem="is for nothing: what tls.issued issues is vouched for by the suite's own",
            found=shown(ca),
            allowed="one of both",
        )


def _certificates_are_there(document: Document, *, directory: Path) -> Iterator[Mistake]:
    ca = _get(document, ("tls", "ca"), str)
    if not ca:
        return
    key = ("tls", "ca")
    if _get(document, ("tls", "verify"), bool) is False:
        allowed = "verify = true, or no ca"
        yield Mistake(key=key, problem="is for nothing: tls.verify is false", found=shown(ca), allowed=allowed)
        return
    allowed = "a file of certificates in PEM, relative to the target file"
    if "\0" in ca or not os.path.isfile(directory / ca):
        yield Mistake(key=key, problem="is not a file", found=shown(ca), allowed=allowed)
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(directory / ca)
    except ssl.SSLError:
        yield Mistake(key=key, problem="holds no certificate", found=shown(ca), allowed=allowed)
    except OSError as error:
        yield Mistake(key=key, problem=f"cannot be read: {error.strerror}", found=shown(ca), allowed=allowed)


def _get(document: Document, key: Key, kind: type[T]) -> T | None:
    """The value at a key, or None where it is missing or of another kind."""
    value: Any = document
    for name in key:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, kind) and not (kind is int and isinstance(value, bool)) else None


def _seconds(document: Document, key: Key) -> float | None:
    try:
        return parse_duration(_get(document, key, str))
    except ValueError:
        return None
