"""A server under test: how it is started, where its endpoints are, how to converse with it, what it promises.

These are the tables and keys of a target file; `chaos.target_file.load_target` reads one and explains its mistakes,
`chaos.schema` describes them to editors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from chaos.contract import Contract, Duration
from chaos.dialects import SOCKET_IO, WEBSOCKET
from chaos.errors import ChaosError
from chaos.journal import QUOTED

__all__ = [
    "WAYS_TO_START",
    "BreakerState",
    "Data",
    "Echo",
    "Endpoint",
    "Endpoints",
    "Feed",
    "Gated",
    "IssuedCertificate",
    "Notices",
    "Resumable",
    "Room",
    "Start",
    "Statistics",
    "StatisticsFormat",
    "Target",
    "Tls",
    "Upstream",
    "declared",
]


class _Table(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


UrlPath = Annotated[str, Field(pattern=r"^/[^\s#]*$", examples=["/ws"])]
Port = Annotated[int, Field(ge=1, le=65535)]


WAYS_TO_START = ("command", "image", "build", "attach")


class Start(_Table):
    """How the server is started. Several ways may be given; the runtime takes the one it can use."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        json_schema_extra={"anyOf": [{"required": [way]} for way in WAYS_TO_START]}
    )

    command: Annotated[
        tuple[str, ...] | None,
        Field(
            min_length=1,
            description="processes: the program and its arguments; {python}, {host} and {port} are filled in.",
        ),
    ] = None
    image: Annotated[str | None, Field(min_length=1, description="containers: an image's name.")] = None
    build: Annotated[str | None, Field(description="containers: a directory with a Dockerfile.")] = None
    attach: Annotated[
        str | None,
        Field(
            pattern=r"^wss?://[^/\s]+$",
            description="attached: where it runs already.",
            examples=["ws://127.0.0.1:8765"],
        ),
    ] = None
    directory: Annotated[str, Field(description="processes: where the command runs, relative to this file.")] = "."
    port: Annotated[Port, Field(description="The port it listens on.")] = 8765
    health: Annotated[
        UrlPath | None,
        Field(description="A path that answers 200 once it serves; without one, an accepted connection will do."),
    ] = None
    ready_within: Annotated[Duration, Field(description="From start to healthy, at most.")] = 20.0
    environment: Annotated[dict[str, str], Field(description="Environment variables.")] = {}
    disk: Annotated[
        str | None,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            description="The variable that says in which directory it is to write its log or its state: a disk of 4 MB "
            "of its own, which a fault fills up.",
            examples=["LOG_DIRECTORY"],
        ),
    ] = None
    exclusive: Annotated[
        bool,
        Field(description="Only one may run at a time: two would share a file or a database of its own."),
    ] = False

    @model_validator(mode="after")
    def _some_way(self) -> Self:
        if not any(getattr(self, way) for way in WAYS_TO_START):
            raise ValueError("none of command, image, build and attach says how the server is started")
        return self


Variable = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class IssuedCertificate(_Table):
    """A certificate for the server's name that the suite issues at each start of a server, in files of PEM."""

    certificate: Annotated[
        Variable, Field(description="The variable that carries the certificate's path.", examples=["TLS_CERTIFICATE"])
    ]
    key: Annotated[Variable, Field(description="The variable that carries its key's path.", examples=["TLS_KEY"])]


class Tls(_Table):
    """That the server speaks TLS, and how clients know it: whoever connects to it does so by these."""

    server_name: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z0-9_:]([A-Za-z0-9_.:-]{0,251}[A-Za-z0-9_])?$",
            description="The name that clients ask for (SNI) and find in its certificate, whatever address they reach "
            "it at.",
            examples=["example.test"],
        ),
    ]
    ca: Annotated[
        str | None,
        Field(
            min_length=1,
            description="A file with the certificates (PEM) that vouch for the server's, relative to this file; "
            "without one, those that this machine trusts do.",
        ),
    ] = None
    verify: Annotated[bool, Field(description="Whether clients verify the server's certificate and its name.")] = True
    issued: IssuedCertificate | None = None


class Endpoint(_Table):
    """Where one WebSocket endpoint is, and what its upgrade request says: whoever connects there says the same."""

    path: Annotated[
        UrlPath, Field(description='Its path; with dialect = "socket.io" it is "/socket.io/" where none is named.')
    ]
    namespace: Annotated[
        str | None,
        Field(
            pattern=r"^/[^\s,?]*$",
            description='The namespace that is joined, with dialect = "socket.io"; "/" where none is named.',
            examples=["/chat"],
        ),
    ] = None
    subprotocol: Annotated[str | None, Field(description="The subprotocol to offer.")] = None
    headers: Annotated[
        dict[str, str],
        Field(description="Headers of the upgrade request, such as Authorization, Cookie or Origin."),
    ] = {}


class Echo(Endpoint):
    """The endpoint that every scenario talks to, and one exchange that shows it is alive."""

    send: Annotated[
        str,
        Field(
            description="A message that is answered; {n} becomes a number, new for each exchange. With dialect = "
            '"socket.io" an event as Socket.IO writes it, ["event", arguments...], and before it the number of an '
            "acknowledgement where one is asked for.",
            examples=["chaos {n}", '{n}["echo", "chaos"]'],
        ),
    ] = "chaos {n}"
    expect: Annotated[
        str,
        Field(
            description="A regular expression that the answer contains; {n} is the number that was sent. With "
            'dialect = "socket.io" the answer is an event, or an acknowledgement behind its number, such as 7["chaos"].'
        ),
    ] = "{n}"
    payload_send: Annotated[
        str | None,
        Field(
            description="A longer message that is answered; {n} as in send, and {payload} becomes hundreds of letters "
            "and digits.",
            examples=["chaos {n} {payload}"],
        ),
    ] = None
    payload_expect: Annotated[
        str | None,
        Field(
            description="A regular expression that the answer to it contains; {n} and {payload} are what was sent.",
            examples=["^chaos {n} {payload}$"],
        ),
    ] = None


class Notices(Endpoint):
    """An endpoint on which the server warns its clients, before an idle close or near its limit."""

    send: Annotated[str, Field(description="A message that counts as activity; {n} as in echo.")]
    expect: Annotated[str, Field(description="A regular expression that its answer contains.")]
    idle_warning: Annotated[str | None, Field(description="A regular expression for the idle warning.")] = None
    load_warning: Annotated[str | None, Field(description="A regular expression for the backpressure warning.")] = None


class Feed(Endpoint):
    """An endpoint that broadcasts to everyone who listens."""

    message: Annotated[
        str, Field(description=f"A regular expression for one broadcast, found in its first {QUOTED:,} characters.")
    ]
    sequence: Annotated[
        str | None,
        Field(description=f"A regular expression whose group 1 is the broadcast's number, in its first {QUOTED:,}."),
    ] = None
    fetch: Annotated[
        UrlPath | None,
        Field(description="A path that answers a plain GET as the latest broadcast does, for who cannot listen."),
    ] = None
    identical: Annotated[
        bool, Field(description="Whether everyone hears the same text under the same number: another one is corrupted.")
    ] = False


class Room(Endpoint):
    """An endpoint where what one client says is told to everybody who is there, to the speaker too."""

    send: Annotated[str, Field(description="What is said; {n} is a number, new each time.")]
    expect: Annotated[
        str, Field(description="A regular expression for what everybody then hears; {n} is the number that was sent.")
    ]


class Data(Endpoint):
    """An endpoint whose answers come from the upstream, through the circuit breaker."""

    send: Annotated[str, Field(description="The request; {n} as in echo.")]
    live: Annotated[str, Field(description="A regular expression for an answer straight from the upstream.")]
    cached: Annotated[str | None, Field(description="A regular expression for an answer from the cache.")] = None
    unavailable: Annotated[str | None, Field(description="A regular expression for the answer when there is none.")] = (
        None
    )


class Gated(Endpoint):
    """An endpoint whose establishment depends on the upstream, through the accept breaker."""

    greeting: Annotated[str | None, Field(description="A regular expression for the first message, if any.")] = None


class Resumable(Endpoint):
    """An endpoint whose sessions outlive their connections.

    The server greets with a token, and numbers its own messages without gaps. A client that comes back names the token
    and the last number it has heard; the server goes on after it, or refuses, or greets with another token.
    """

    greeting: Annotated[
        str,
        Field(description="A regular expression for the first message of a new session; group 1 is its token."),
    ]
    resume: Annotated[
        str,
        Field(
            pattern=r"^/[^\s#]*$",
            description="The way back: {token} is the session's, {last} the number of the last message heard.",
            examples=["/ws?session={token}&last={last}"],
        ),
    ]
    resumed: Annotated[
        str,
        Field(
            description="A regular expression for the first message of a session that goes on; group 1, if there is "
            "one, is its token."
        ),
    ]
    sequence: Annotated[
        str, Field(description="A regular expression whose group 1 is the number of one of the server's own messages.")
    ]
    send: Annotated[
        str | None,
        Field(
            description="A message that is applied once, however often it is sent; {n} is a number that grows, and "
            "{payload} becomes hundreds of letters and digits."
        ),
    ] = None
    acknowledged: Annotated[
        str | None, Field(description="A regular expression for its acknowledgement; {n} is the number that was sent.")
    ] = None
    applied: Annotated[
        str | None,
        Field(
            description="A regular expression for the server's own message that shows it applied; {n} and {payload} "
            "are what was sent."
        ),
    ] = None


class Endpoints(_Table):
    """Where the server's WebSocket endpoints are, by the part they play. Only `echo` has to be there."""

    echo: Echo
    notices: Notices | None = None
    feed: Feed | None = None
    room: Room | None = None
    data: Data | None = None
    gated: Gated | None = None
    resumable: Resumable | None = None


_Value = TypeVar("_Value")


def declared(value: _Value | None, key: str) -> _Value:
    """What a target declares under a key. Raises ChaosError where it declares nothing: whoever asks for it is to be
    asked only where it does (a scenario says so by its marks, or the target file is refused without it)."""
    if value is None:
        raise ChaosError(f"the target declares no {key}")
    return value


class Upstream(_Table):
    """The dependency that the server calls over HTTP: the suite starts a scripted one behind a link of its own."""

    environment: Annotated[
        str,
        Field(
            pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
            description="The variable that carries its URL.",
            examples=["UPSTREAM_URL"],
        ),
    ]
    health: Annotated[UrlPath, Field(description="A path of it that does not count as a hit.")] = "/health"


class StatisticsFormat(StrEnum):
    """How the statistics are written."""

    JSON = "json"
    """Values are JSON pointers (RFC 6901): "/connections/total"."""
    PROMETHEUS = "prometheus"
    """Values are metric names with labels: 'ws_connections{endpoint="echo"}'."""


class BreakerState(StrEnum):
    """The states of a circuit breaker, by the names that the suite has for them."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"

    @classmethod
    def of(cls, told: float | str, called: Mapping[BreakerState, str | float] | None) -> BreakerState | None:
        """The state that a server tells, by what its target file says they are `called`; None for anything else."""
        names = called or {state: state.value for state in cls}
        return next((state for state, name in names.items() if _plain(name) == _plain(told)), None)


def _plain(name: float | str) -> float | str:
    """A name without what is spelt one way here and another way there: `HALF_OPEN` is half-open."""
    return re.sub("[-_ ]", "", name.lower()) if isinstance(name, str) else float(name)


class Statistics(_Table):
    """What the server says of itself: the second witness."""

    path: UrlPath
    format: StatisticsFormat = StatisticsFormat.JSON
    connections: Annotated[str | None, Field(description="How many connections it holds.")] = None
    upstream_breaker: Annotated[str | None, Field(description="State of the upstream breaker.")] = None
    accept_breaker: Annotated[str | None, Field(description="State of the accept breaker.")] = None
    breaker_states: Annotated[
        dict[BreakerState, str | float] | None,
        Field(
            description="What the states of its breakers are called there, where it is not by these names.",
            examples=[{"closed": 0, "open": 1, "half-open": 2}],
        ),
    ] = None
    sessions: Annotated[
        str | None, Field(description="Sessions that are kept, of clients that are there and of those that are away.")
    ] = None
    tasks: Annotated[str | None, Field(description="Tasks or goroutines alive.")] = None
    alerts: Annotated[
        str | None,
        Field(description="Names of the alerts raised: a list, or a metric that is not 0 and has them in its labels."),
    ] = None
    accepted: Annotated[str | None, Field(description="Connections let in, since the start.")] = None
    rejected: Annotated[str | None, Field(description="Clients turned away, since the start.")] = None
    ended: Annotated[str | None, Field(description="Connections let in that are over, however they ended.")] = None
    dead: Annotated[str | None, Field(description="Peers given up by the heartbeat, since the start.")] = None
    received: Annotated[str | None, Field(description="Messages received from clients, since the start.")] = None
    database_sessions: Annotated[
        str | None, Field(description="Sessions on its database in use now, by the pool's count or the database's own.")
    ] = None

    def values(self) -> dict[str, str]:
        """Name to pointer or metric, of those that are declared."""
        about = ("path", "format", "breaker_states")
        names = (name for name in type(self).model_fields if name not in about)
        return {name: pointer for name in names if (pointer := getattr(self, name)) is not None}


class Target(_Table):
    """One server under test, as its target file tells."""

    name: Annotated[
        str,
        Field(
            pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$",
            description="Lower case, for file names.",
            examples=["my-server"],
        ),
    ]
    description: str = ""
    extends: Annotated[
        str | None,
        Field(
            min_length=1,
            description="Another target file, relative to this one: what is not said here is as it is there.",
            examples=["target.toml"],
        ),
    ] = None
    without: Annotated[
        tuple[str, ...],
        Field(description="Keys of the extended file that are left out.", examples=["promises.delivery"]),
    ] = ()
    dialect: Annotated[
        str,
        Field(
            description="What is spoken on its endpoints: plain WebSocket messages, Socket.IO (on Engine.IO, by "
            "WebSocket alone), or what another package has an entry point in chaos.dialects for.",
            examples=[WEBSOCKET, SOCKET_IO],
        ),
    ] = WEBSOCKET
    start: Start
    tls: Tls | None = None
    endpoints: Endpoints
    upstream: Upstream | None = None
    statistics: Statistics | None = None
    promises: Contract = Contract()

    file: Annotated[Path, Field(exclude=True)] = Path("target.toml")
    """Where it was read from; paths in it are relative to its directory. `tls.ca` alone is absolute once it is read,
    for other processes open it."""

    def resolve(self, path: str) -> Path:
        """An absolute path of a path written in the file."""
        return (self.file.parent / path).resolve()
