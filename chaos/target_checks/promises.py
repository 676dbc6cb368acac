"""Promises beside each other, and beside what it takes to test them."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.mistakes import Mistake, dotted
from chaos.target_checks.document import ALERTS, SHARES, Document, Key, seconds_at, value_at
from chaos.units import format_duration

__all__ = ["check"]

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
    *((alert, ("statistics", "alerts"), "it is where alerts are shown") for alert in (*SHARES, *ALERTS)),
    *((alert, ("promises", "rejection", "max_connections"), "it is a share of that") for alert in SHARES),
    (
        ("promises", "cleanup", "database_sessions"),
        ("statistics", "database_sessions"),
        "nobody outside can count them",
    ),
    (
        ("promises", "breaker", "longest_timeout"),
        ("promises", "breaker", "backoff"),
        "it is what that grows to at most",
    ),
    (("promises", "breaker", "window"), ("promises", "breaker", "failure_rate"), "it is what that is the share of"),
    (
        ("promises", "breaker", "minimum_calls"),
        ("promises", "breaker", "failure_rate"),
        "it is from when on that counts",
    ),
    (("promises", "breaker", "failure_rate"), ("promises", "breaker", "window"), "it is the share of the calls in it"),
    (
        ("promises", "breaker", "failure_rate"),
        ("promises", "breaker", "minimum_calls"),
        "it says from how many calls on a share counts",
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


def check(document: Document) -> Iterator[Mistake]:
    """The mistakes of this kind, in the order in which they are told."""
    yield from _warning_before_timeout(document)
    yield from _waits_for_less_than_the_timeout(document)
    yield from _timeout_below_its_longest(document)
    yield from _rate_behind_the_row(document)
    yield from _answer_before_timeout(document)
    yield from _promises_can_be_tested(document)
    yield from _crowds_fit(document)
    yield from _retry_after_has_a_response(document)
    yield from _very_full_is_fuller(document)


def _very_full_is_fuller(document: Document) -> Iterator[Mistake]:
    nearly, very = (value_at(document, (*key, "above"), float) for key in SHARES)
    if nearly is not None and very is not None and very <= nearly:
        yield Mistake(
            key=("promises", "observability", "very_full", "above"),
            problem="is not more than nearly_full: two alerts that come together are one",
            found=f"very_full above {very:g}, nearly_full above {nearly:g}",
            allowed=f"more than {nearly:g} and at most 1: the share of the limit above which the more urgent one comes",
        )


def _warning_before_timeout(document: Document) -> Iterator[Mistake]:
    warning = seconds_at(document, ("promises", "liveness", "idle_warning"))
    timeout = seconds_at(document, ("promises", "liveness", "idle_timeout"))
    if warning is not None and timeout is not None and warning >= timeout:
        yield Mistake(
            key=("promises", "liveness", "idle_warning"),
            problem="is not shorter than idle_timeout: the warning would come before the client is idle",
            found=f"idle_warning = {format_duration(warning)}, idle_timeout = {format_duration(timeout)}",
            allowed=f"less than {format_duration(timeout)}: how long before the idle close the client is warned",
        )


def _waits_for_less_than_the_timeout(document: Document) -> Iterator[Mistake]:
    waits = seconds_at(document, ("promises", "breaker", "waits_for"))
    timeout = seconds_at(document, ("promises", "breaker", "call_timeout"))
    if waits is not None and timeout is not None and waits >= timeout:
        yield Mistake(
            key=("promises", "breaker", "waits_for"),
            problem="is not shorter than call_timeout: a call that takes longer than that has failed",
            found=f"waits_for = {format_duration(waits)}, call_timeout = {format_duration(timeout)}",
            allowed=f"less than {format_duration(timeout)}: how late an answer may come and still be one",
        )


def _timeout_below_its_longest(document: Document) -> Iterator[Mistake]:
    first = seconds_at(document, ("promises", "breaker", "recovery_timeout"))
    longest = seconds_at(document, ("promises", "breaker", "longest_timeout"))
    if first is not None and longest is not None and longest < first:
        yield Mistake(
            key=("promises", "breaker", "longest_timeout"),
            problem="is shorter than recovery_timeout: it is what that grows to",
            found=f"longest_timeout = {format_duration(longest)}, recovery_timeout = {format_duration(first)}",
            allowed=f"{format_duration(first)} or longer",
        )


def _rate_behind_the_row(document: Document) -> Iterator[Mistake]:
    in_a_row = value_at(document, ("promises", "breaker", "failure_threshold"), int)
    minimum = value_at(document, ("promises", "breaker", "minimum_calls"), int)
    if in_a_row is not None and minimum is not None and minimum <= in_a_row + 1:
        yield Mistake(
            key=("promises", "breaker", "minimum_calls"),
            problem="is reached before failure_threshold: failures in a row would open the circuit by their rate first",
            found=f"minimum_calls = {minimum}, failure_threshold = {in_a_row}",
            allowed=f"more than {in_a_row + 1}, or the failure_threshold by which it opens first",
        )


def _answer_before_timeout(document: Document) -> Iterator[Mistake]:
    answer = seconds_at(document, ("promises", "closing", "close_answer_within"))
    timeout = seconds_at(document, ("promises", "closing", "close_timeout"))
    if answer is not None and timeout is not None and answer >= timeout:
        yield Mistake(
            key=("promises", "closing", "close_answer_within"),
            problem="is not shorter than close_timeout: whoever is waited for until then is released by then",
            found=f"close_answer_within = {format_duration(answer)}, close_timeout = {format_duration(timeout)}",
            allowed=f"less than {format_duration(timeout)}: an answer to the close frame that is waited for",
        )


def _promises_can_be_tested(document: Document) -> Iterator[Mistake]:
    for promise, need, why in NEEDS:
        if value_at(document, promise, object) is not None and value_at(document, need, object) is None:
            yield Mistake(
                key=promise,
                problem=f"cannot be tested without {dotted(need)}: {why}",
                allowed=f"declare {dotted(need)}, or leave {dotted(promise)} out (its scenarios are then skipped)",
            )


def _crowds_fit(document: Document) -> Iterator[Mistake]:
    """Establishment is promised within capacity, so what it opens at once must fit into the limit."""
    limit = value_at(document, ("promises", "rejection", "max_connections"), int)
    simultaneous = value_at(document, ("promises", "establishment", "simultaneous"), int)
    ramp = value_at(document, ("promises", "establishment", "ramp"), list) or []
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
    rejection = value_at(document, ("promises", "rejection"), dict) or {}
    if rejection.get("retry_after") is True and rejection.get("answer") == "close-1013":
        yield Mistake(
            key=("promises", "rejection", "retry_after"),
            problem='goes with answer = "http-503" only: a close frame has no headers',
            found="true",
            allowed="false",
        )
