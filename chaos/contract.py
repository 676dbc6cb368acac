"""What a server promises. Everything is optional: a promise that is not declared is not tested, and the skip says so.

One class for each family of promises that has figures; the field names are the keys of `[promises.FAMILY]` in a
target file. Durations are seconds here and text with a unit there.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from chaos.units import DURATION_UNITS, SIZE_UNITS, parse_duration, parse_size, quantity_pattern

__all__ = [
    "AcceptBreaker",
    "AnswerOrder",
    "BoundedMemory",
    "Breaker",
    "Cleanup",
    "Closing",
    "Contract",
    "Delivery",
    "Duration",
    "Establishment",
    "Fairness",
    "Family",
    "FloodAnswer",
    "Latency",
    "LeakFree",
    "Liveness",
    "NearlyFull",
    "Observability",
    "Pressure",
    "Recovery",
    "Rejection",
    "RejectionAnswer",
    "SettingCount",
    "SettingDuration",
    "Settings",
    "Size",
    "Survival",
    "unread_keys",
]

_DURATION_SCHEMA = {"type": "string", "format": "duration with unit", "pattern": quantity_pattern(DURATION_UNITS)}
_SIZE_SCHEMA = {"type": "string", "format": "size with unit", "pattern": quantity_pattern(SIZE_UNITS)}

Duration = Annotated[float, BeforeValidator(parse_duration), Field(gt=0), WithJsonSchema(_DURATION_SCHEMA)]
"""Seconds, above zero; written as text with its unit."""
Size = Annotated[int, BeforeValidator(parse_size), Field(gt=0), WithJsonSchema(_SIZE_SCHEMA)]
"""Bytes, above zero; written as text with its unit."""
Ratio = Annotated[float, Field(gt=0, le=1)]
AlertName = Annotated[str, Field(min_length=1, examples=["upstream_breaker_open"])]
"""A regular expression that fits the whole name of an alert, as `statistics.alerts` shows it."""
Environment = Annotated[dict[str, str], Field(min_length=1)]
"""Environment variables, over those of `start.environment`."""


RequestHeaders = Annotated[dict[str, str], Field(min_length=1)]
"""Headers of an upgrade request, over those of its endpoint; an empty value leaves one out."""


class Family(BaseModel):
    """A family of promises."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Establishment(Family):
    """Within capacity, every client gets in."""

    within: Annotated[Duration, Field(description="From connect() to the first message after the 101, at most.")]
    success_ratio: Annotated[Ratio, Field(description="Share of attempts that succeed, within capacity.")] = 1.0
    sequential: Annotated[int, Field(gt=0, description="Connections one after the other.")] = 50
    simultaneous: Annotated[int, Field(gt=0, description="Connections that are all open at once.")] = 10
    ramp: Annotated[
        tuple[Annotated[int, Field(gt=0)], ...], Field(min_length=1, description="Steps of open connections.")
    ] = (10, 50, 100)


class RejectionAnswer(StrEnum):
    """How a client beyond the limit is turned away."""

    HTTP_503 = "http-503"
    """HTTP 503 in place of the 101."""
    CLOSE_1013 = "close-1013"
    """Upgraded, then closed with 1013 (try again later)."""

    @property
    def in_words(self) -> str:
        """As a finding says it: `HTTP 503`, `close code 1013`."""
        return "HTTP 503" if self is RejectionAnswer.HTTP_503 else "close code 1013"


class Rejection(Family):
    """Beyond the limit clients are turned away, and those inside notice nothing."""

    max_connections: Annotated[int, Field(gt=0, description="How many connections the server holds at once.")]
    answer: Annotated[RejectionAnswer, Field(description="How the next one is turned away.")]
    within: Annotated[Duration, Field(description="From connect() to the refusal, at most.")]
    retry_after: Annotated[bool, Field(description="Whether the 503 carries Retry-After.")] = False
    warning_threshold: Annotated[
        Ratio | None, Field(description="Share of the limit from which clients are warned.")
    ] = None


class Liveness(Family):
    """The server notices who is there."""

    heartbeat_interval: Annotated[Duration | None, Field(description="Between two pings of the server.")] = None
    heartbeat_timeout: Annotated[Duration | None, Field(description="From a ping to giving its peer up.")] = None
    idle_timeout: Annotated[
        Duration | None, Field(description="A client that sends no message for this long is closed.")
    ] = None
    idle_warning: Annotated[
        Duration | None, Field(description="How long before the idle close the client is warned.")
    ] = None
    idle_code: Annotated[
        int | None, Field(ge=1000, le=4999, description="Close code of an idle client; undeclared: any.")
    ] = None
    max_age: Annotated[Duration | None, Field(description="No connection gets older.")] = None
    age_code: Annotated[
        int | None, Field(ge=1000, le=4999, description="Close code at the maximum age; undeclared: any.")
    ] = None


class Cleanup(Family):
    """What a connection held is given back."""

    sweep_interval: Annotated[
        Duration | None,
        Field(description="The period of the sweep, where dead peers are only removed by one."),
    ] = None
    closed_within: Annotated[
        Duration | None,
        Field(description="From a FIN or RST that reached the server to everything released."),
    ] = None
    database_sessions: Annotated[
        int | None,
        Field(ge=0, description="Sessions on its database that are held at most while clients only listen."),
    ] = None


class LeakFree(Family):
    """Nothing is kept per connection that ended."""

    fds_per_connection: Annotated[float, Field(gt=0, description="Mean file descriptors kept, at most.")] = 0.01
    counted_per_connection: Annotated[
        float,
        Field(gt=0, description="Mean connections that have ended and that its own statistics still count, at most."),
    ] = 0.01
    tasks_per_connection: Annotated[
        float, Field(gt=0, description="Mean tasks kept, at most, by its own statistics where they tell.")
    ] = 0.01
    memory_per_connection: Annotated[Size, Field(description="Mean bytes of memory kept, at most.")]
    memory_per_hour: Annotated[
        Size | None, Field(description="Bytes of memory kept in an hour under load, at most; judged by a soak.")
    ] = None


class BoundedMemory(Family):
    """What is held for those who are there is bounded, and given back when they have gone."""

    in_all: Annotated[
        Size | None, Field(description="Bytes of memory of all its processes, at most, with every place taken.")
    ] = None
    per_connection: Annotated[
        Size | None,
        Field(description="Mean bytes that a connection costs while it is there, compressed or not, at most."),
    ] = None
    per_slow_reader: Annotated[
        Size | None,
        Field(description="Mean bytes that a client costs which sends on and reads no answer, at most."),
    ] = None
    per_half_made: Annotated[
        Size | None, Field(description="Mean bytes that a request costs which is never complete, at most.")
    ] = None
    given_back: Annotated[
        Ratio | None,
        Field(description="Share of what a crowd has cost that the next crowd finds given back, at least."),
    ] = None


class Breaker(Family):
    """The circuit breaker in front of the upstream."""

    failure_threshold: Annotated[int, Field(gt=0, description="Failures in a row that open it.")]
    recovery_timeout: Annotated[Duration, Field(description="Open for this long before a trial call.")]
    half_open_probes: Annotated[int, Field(gt=0, description="Trial calls at once while half-open.")] = 1
    success_threshold: Annotated[int, Field(gt=0, description="Successful trials that close it.")] = 1
    call_timeout: Annotated[Duration, Field(description="An upstream call that takes longer has failed.")]
    answer_within: Annotated[Duration, Field(description="While open, callers are answered within this.")]


class AcceptBreaker(Family):
    """The circuit breaker around establishment."""

    failure_threshold: Annotated[int, Field(gt=0, description="Failed establishments in a row that open it.")]
    recovery_timeout: Annotated[Duration, Field(description="Open for this long before a trial.")]
    failure_code: Annotated[int, Field(ge=1000, le=4999, description="Close code of a failure.")] = 1011
    open_code: Annotated[int, Field(ge=1000, le=4999, description="Close code while open.")] = 1013
    answer_within: Annotated[Duration, Field(description="While open, clients are turned away within this.")]
    rides_out: Annotated[
        Duration | None,
        Field(description="While the dependency is away no longer than this, clients that come get in after all."),
    ] = None
    own_failure: Annotated[
        RequestHeaders | None,
        Field(description="Headers, over those of endpoints.gated, with which a client fails by its own doing."),
    ] = None


class AnswerOrder(StrEnum):
    """In which order a client's messages are answered."""

    IN_ORDER = "in-order"
    """In the order in which the client sent them."""
    ANY_ORDER = "any-order"
    """In any order: one that is overtaken may come yet."""


class Delivery(Family):
    """Broadcasts go on, a slow consumer hurts only itself, and no message is lost, doubled or changed."""

    broadcast_interval: Annotated[Duration | None, Field(description="Between two broadcasts.")] = None
    answers: Annotated[
        AnswerOrder | None,
        Field(description="Every message on endpoints.echo is answered once and unaltered, in this order."),
    ] = None
    resume_within: Annotated[
        Duration | None,
        Field(
            description="A client of endpoints.resumable that comes back so soon after its connection's end misses "
            "nothing, and nothing comes twice."
        ),
    ] = None
    sessions_forgotten_within: Annotated[
        Duration | None,
        Field(description="From a connection's end to its session being forgotten, where the client stays away."),
    ] = None
    slow_consumer_cut_within: Annotated[
        Duration | None, Field(description="From the moment a client stops reading to its removal.")
    ] = None
    fetched_within: Annotated[
        Duration | None, Field(description="From a broadcast to endpoints.feed.fetch telling it or a later one.")
    ] = None
    reaches_all_within: Annotated[
        Duration | None,
        Field(
            description="What one client says at endpoints.room, everybody there has heard so soon after the first "
            "of them, whichever of the server's processes serves them."
        ),
    ] = None
    queue_process: Annotated[
        str | None,
        Field(
            min_length=1,
            description="A regular expression for the command line of the message queue between the server's "
            "processes, where it is a process below the server's own.",
            examples=["redis-server"],
        ),
    ] = None
    queue_back_within: Annotated[
        Duration | None,
        Field(
            description="From the death of the message queue's process to what one client says reaching everybody "
            "again."
        ),
    ] = None


class Closing(Family):
    """Endings are announced and bounded."""

    shutdown_code: Annotated[int, Field(ge=1000, le=4999, description="Close code at shutdown.")] = 1001
    shutdown_within: Annotated[Duration | None, Field(description="From SIGTERM to the end of the process.")] = None
    data_first: Annotated[
        Literal[True] | None,
        Field(
            description="What the server has accepted from a client, and what it has broadcast, is answered and sent "
            "before its close frame: at shutdown, and where the client closes."
        ),
    ] = None
    close_timeout: Annotated[
        Duration | None,
        Field(
            description="From a close frame, the server's own or its answer, to the connection's release, where the "
            "client does not do its part."
        ),
    ] = None
    close_answer_within: Annotated[
        Duration | None,
        Field(description="A client that answers the server's close frame within this is waited for."),
    ] = None


class Latency(Family):
    """Round trips of one exchange."""

    p99: Annotated[Duration, Field(description="99th percentile of the round trip when nothing is wrong.")]


class FloodAnswer(StrEnum):
    """What becomes of a client that floods."""

    SERVED = "served"
    """It stays, and is served like everybody, however slowly."""
    CLOSE_1008 = "close-1008"
    """It may be closed with 1008 (policy violation) once it has sent too much; until then it is served."""
    CLOSE_1013 = "close-1013"
    """It may be closed with 1013 (try again later) once it has sent too much; until then it is served."""

    @property
    def code(self) -> int | None:
        """The close code; None where it is not closed at all."""
        return None if self is FloodAnswer.SERVED else int(self.value.removeprefix("close-"))


class Fairness(Family):
    """One client's flood does not starve the others."""

    p99: Annotated[
        Duration | None,
        Field(description="99th percentile of the round trips of others while one client sends all it can."),
    ] = None
    flood_answer: Annotated[
        FloodAnswer | None, Field(description="What becomes of a client that sends all it can.")
    ] = None
    message_rate: Annotated[
        int | None,
        Field(ge=10, description="Messages a second, a tenth of them at once, that no client is cut for."),
    ] = None


class Recovery(Family):
    """Back to steady state after a fault has healed."""

    within: Annotated[Duration, Field(description="From healing to every client served as before.")]
    worker_within: Annotated[
        Duration | None,
        Field(
            description="From the death of one of several workers, or its being told to end, to another serving in its "
            "place. A worker is a process that holds the server's listening socket, or connections that it was handed, "
            "and from which no other such process descends."
        ),
    ] = None


class Survival(Family):
    """Hostile input is refused with the right answer, and hurts nobody else."""

    hostile_within: Annotated[
        Duration | None,
        Field(description="A connection that sent what the protocol forbids is refused or closed within this."),
    ] = None
    max_message_size: Annotated[
        Size | None, Field(description="The largest message that is taken; a larger one is closed with 1009.")
    ] = None
    header_timeout: Annotated[
        Duration | None, Field(description="A request that is not complete by then is ended.")
    ] = None
    unauthorized: Annotated[
        dict[str, RequestHeaders] | None,
        Field(
            min_length=1,
            description="Who has no right to come in, each by a name: headers over those of endpoints.echo, an empty "
            "one is left out; refused with 401 or 403 within hostile_within. Settings with which the server does not "
            "even start are settings.refused.",
            examples=[{"a foreign origin": {"Origin": "https://elsewhere.test"}}],
        ),
    ] = None


class NearlyFull(Family):
    """The alert on how many connections there are."""

    alert: Annotated[AlertName, Field(description="A regular expression for its whole name.")]
    above: Annotated[Ratio, Field(description="Share of promises.rejection.max_connections above which it is raised.")]


class Pressure(Family):
    """What a server still does when it runs short of something, and from which shortage on it promises nothing."""

    cpu_share: Annotated[
        Ratio | None,
        Field(description="Share of one core, for all of its processes together, on which it keeps what it promises."),
    ] = None
    cpu_delay: Annotated[
        Duration | None,
        Field(description="How much later than promised anything may come while it has no more CPU than that."),
    ] = None
    memory_spare: Annotated[
        Size | None,
        Field(
            ge=1 << 24,
            description="Memory beyond what it has, of all its processes together, that serving everybody it promises "
            "places for takes at most; 16MiB or more.",
        ),
    ] = None
    memory_reserve: Annotated[
        Size | None,
        Field(
            ge=1 << 25,
            description="With less memory left to it than this newcomers are turned away as beyond the limit: the rest "
            "is for those who are inside; 32MiB or more.",
        ),
    ] = None


class Observability(Family):
    """What is wrong is told while it is, and what is told is so; [statistics] says where."""

    raised_within: Annotated[
        Duration | None, Field(description="From a condition's beginning to its alert being shown, at most.")
    ] = None
    gone_within: Annotated[
        Duration | None, Field(description="From a condition's end to its alert being shown no more, at most.")
    ] = None
    nearly_full: Annotated[NearlyFull | None, Field(description="Raised above a share of the limit.")] = None
    full: Annotated[
        AlertName | None, Field(description="Raised while every place is taken and clients are turned away.")
    ] = None
    memory_short: Annotated[
        AlertName | None, Field(description="Raised while less than promises.pressure.memory_reserve is left.")
    ] = None
    disk_full: Annotated[
        AlertName | None, Field(description="Raised while the disk of start.disk takes nothing more.")
    ] = None
    upstream_failing: Annotated[
        AlertName | None, Field(description="Raised while the breaker in front of the upstream is not closed.")
    ] = None
    establishment_failing: Annotated[
        AlertName | None, Field(description="Raised while the breaker around establishment is not closed.")
    ] = None
    counted_within: Annotated[
        Duration | None, Field(description="From an event to its counter in [statistics] having counted it, once.")
    ] = None


class SettingCount(Family):
    """A setting that changes a number, and the number that is promised with it."""

    environment: Environment
    promised: Annotated[int, Field(gt=0, description="What is promised with it.")]


class SettingDuration(Family):
    """A setting that changes a duration, and the duration that is promised with it."""

    environment: Environment
    promised: Annotated[Duration, Field(description="What is promised with it.")]


class Settings(Family):
    """A setting does what it says, and a bad one stops the start."""

    refused: Annotated[
        dict[str, Annotated[tuple[str, ...], Field(min_length=1)]] | None,
        Field(
            min_length=1,
            description="Environment variables to values with which the server must not start. Clients that it does "
            "not let in are survival.unauthorized.",
        ),
    ] = None
    refused_within: Annotated[
        Duration | None,
        Field(
            description="From the start to its end with an exit code that is not 0 and a log that names the variable."
        ),
    ] = None
    max_connections: Annotated[
        SettingCount | None, Field(description="Another promises.rejection.max_connections.")
    ] = None
    idle_timeout: Annotated[SettingDuration | None, Field(description="Another promises.liveness.idle_timeout.")] = None
    max_requests: Annotated[
        SettingCount | None,
        Field(
            description="A number of requests, connections among them, after which a worker is replaced by another; "
            "promised is the most that one worker serves."
        ),
    ] = None
    accept_breaker_off: Annotated[
        Environment | None, Field(description="Environment variables that switch promises.accept_breaker off.")
    ] = None


class Contract(BaseModel):
    """All promises of one server, by family."""

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    establishment: Establishment | None = None
    rejection: Rejection | None = None
    liveness: Liveness | None = None
    cleanup: Cleanup | None = None
    bounded_memory: BoundedMemory | None = None
    leak_free: LeakFree | None = None
    breaker: Breaker | None = None
    accept_breaker: AcceptBreaker | None = None
    delivery: Delivery | None = None
    closing: Closing | None = None
    latency: Latency | None = None
    fairness: Fairness | None = None
    recovery: Recovery | None = None
    survival: Survival | None = None
    pressure: Pressure | None = None
    observability: Observability | None = None
    settings: Settings | None = None

    def value(self, key: str) -> Any:
        """The promise at `family.field`, or None where it is not declared. Raises KeyError for an unknown key."""
        family_name, _, field = key.partition(".")
        family_field = type(self).model_fields.get(family_name)
        if family_field is None:
            raise KeyError(key)
        family = getattr(self, family_name)
        if not field:
            return family
        model = _family_type(family_field.annotation)
        if field not in model.model_fields:
            raise KeyError(key)
        return None if family is None else getattr(family, field)

    def declared(self) -> tuple[str, ...]:
        """The keys that are written down, as `family.field`, in the contract's order; defaults are not."""
        return tuple(
            f"{name}.{field}"
            for name in type(self).model_fields
            if (family := getattr(self, name)) is not None
            for field in type(family).model_fields
            if field in family.model_fields_set
        )


def unread_keys(promises: Contract, read: Iterable[str]) -> tuple[str, ...]:
    """The promises that are declared and that nobody reads, as `family.field`, in the contract's order.

    `read` are the keys of the scenarios at hand, the optional ones included. Whoever declared one of the others should
    be told: a promise that no scenario looks at is neither held nor violated, and a green run says nothing of it.
    """
    known = frozenset(read)
    return tuple(key for key in promises.declared() if key not in known)


def _family_type(annotation: Any) -> type[Family]:
    for option in getattr(annotation, "__args__", (annotation,)):
        if isinstance(option, type) and issubclass(option, Family):
            return option
    raise TypeError(f"{annotation!r} names no family of promises")
