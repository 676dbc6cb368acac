"""The server's settings: read from the environment, checked completely before anything is started.

Every field is the environment variable of the same name in capitals. What the environment leaves out comes from the
profile (`profiles.py`). A variable that is wrong, or that looks like one of ours and is not, stops the start: a setting
silently ignored is worse than a server that does not come up.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

DAY = 86_400.0

Seconds = Annotated[float, Field(gt=0, le=30 * DAY, allow_inf_nan=False)]
SecondsOrOff = Annotated[float, Field(ge=0, le=30 * DAY, allow_inf_nan=False)]
Share = Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)]
Rate = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]

BREAKER_DISABLED = 999
"""A failure threshold of this value switches the breakers off."""


def _sendable(code: int) -> int:
    """A close code that an endpoint may send (RFC 6455, 7.4, and IANA's registry)."""
    if code in (1004, 1005, 1006) or 1014 < code < 3000:
        raise ValueError(f"{code} is no close code that may be sent: 1000 to 1003, 1007 to 1014, or 3000 to 4999")
    return code


CloseCode = Annotated[int, Field(ge=1000, le=4999), AfterValidator(_sendable)]


class Settings(BaseModel):
    """All settings; the descriptions say unit and range, and appear in error messages and in `--check`."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, hide_input_in_errors=False)

    websocket_max_connections: Count = Field(description="connections let in at once, a whole number from 1")
    websocket_reject_with: Literal["http-503", "close-1013"] = Field(
        description="how a full server turns clients away: http-503 (before the upgrade) or close-1013 (after it)"
    )
    websocket_breaker_reject_with: Literal["http-503", "close-1013"] = Field(
        description="how clients are turned away while the accept breaker is open: http-503 or close-1013"
    )
    websocket_retry_after: Count = Field(description="Retry-After of a rejection, whole seconds from 1")
    websocket_backpressure_threshold: Share = Field(
        description="share of the limit from which clients are warned, above 0 up to 1"
    )
    websocket_heartbeat_interval: Seconds = Field(description="seconds between pings, above 0")
    websocket_heartbeat_timeout: Seconds = Field(description="seconds a peer has for its pong, above 0")
    websocket_ping_timeout: Seconds = Field(
        description="seconds a ping may lie undelivered while the peer takes nothing at all, above 0"
    )
    websocket_cleanup_interval: Seconds = Field(description="seconds between sweeps for dead peers, above 0")
    websocket_idle_timeout_seconds: SecondsOrOff = Field(
        description="seconds without a message after which a client is closed, 0 for never"
    )
    websocket_idle_warning_seconds: Seconds = Field(
        description="seconds before the idle close at which the client is warned, above 0"
    )
    websocket_idle_code: CloseCode = Field(description="close code for idle clients, one that may be sent")
    websocket_max_age: SecondsOrOff = Field(description="seconds a connection may live, 0 for no limit")
    websocket_age_code: CloseCode = Field(description="close code at the maximum age, one that may be sent")
    websocket_handshake_timeout: Seconds = Field(description="seconds for a request's headers to come in, above 0")
    websocket_connect_timeout: Seconds = Field(description="seconds for all connect phases together, above 0")
    websocket_connect_phases: tuple[Seconds, Seconds, Seconds, Seconds, Seconds] = Field(
        description="seconds for each connect phase (authenticate,upstream,accept,register,greet), five numbers above 0"
    )
    websocket_close_timeout: Seconds = Field(
        description="seconds from the decision to close to a closed socket, above 0"
    )
    websocket_max_message_bytes: Count = Field(description="largest message taken in, bytes from 1")
    websocket_message_rate: Rate = Field(description="frames a second and connection, 0 for no limit")
    websocket_message_burst: Count = Field(description="frames a connection may send at once, from 1")
    websocket_handshake_rate: Rate = Field(description="handshakes a second and address, 0 for no limit")
    websocket_handshake_burst: Count = Field(description="handshakes an address may make at once, from 1")
    websocket_outbox_messages: Count = Field(description="messages that may wait for one client, from 1")
    websocket_outbox_bytes: Count = Field(description="bytes that may wait for one client, from 1")
    websocket_send_buffer_bytes: Count = Field(description="kernel send buffer of each connection, bytes from 1")
    websocket_memory_limit_per_connection_mb: Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)] = Field(
        description="megabytes the buffers of one connection may come to, above 0"
    )
    websocket_memory_limit_mb: Rate = Field(
        description="resident megabytes of the process from which nobody is let in, 0 for no limit"
    )
    websocket_compression: bool = Field(description="permessage-deflate: true or false")
    websocket_allowed_origins: tuple[str, ...] = Field(
        description="allowed Origin values, separated by commas; empty: any"
    )
    websocket_jwt_secret: str = Field(
        description="secret for HS256 tokens, 32 bytes or more; empty: no tokens asked for", repr=False
    )
    websocket_tls_certificate: str = Field(
        description="file with the server's certificate and those above it, PEM; empty: no TLS"
    )
    websocket_tls_key: str = Field(description="file with the certificate's private key, PEM, without a password")
    websocket_record_directory: str = Field(
        description="directory in which the statistics are written down now and then; empty: nowhere"
    )
    listen_backlog: Count = Field(description="connections the kernel queues for accept, from 1")
    shutdown_timeout: Seconds = Field(description="seconds from SIGTERM to the exit, above 0")
    shutdown_code: CloseCode = Field(description="close code at shutdown, one that may be sent")
    server_framework: Literal["starlette", "fastapi", "asgi"] = Field(
        description="what finds the endpoint for a path: starlette, fastapi, or asgi for none"
    )
    broadcast_interval: Seconds = Field(description="seconds between status updates on /feed, above 0")
    broadcast_payload_bytes: Annotated[int, Field(ge=0, le=16 * 1024 * 1024)] = Field(
        description="filler in each status update, bytes from 0 to 16777216"
    )
    resume_window: Seconds = Field(description="seconds a session on /resumable is kept for its client, above 0")
    resume_sessions: Count = Field(description="sessions on /resumable that are kept at once, from 1")
    resume_buffer_messages: Count = Field(description="events that are kept of each session, from 1")
    resume_buffer_bytes: Annotated[int, Field(ge=64 * 1024, le=1024**3)] = Field(
        description="bytes of the events that are kept of each session, from 65536"
    )
    upstream_url: str = Field(description="base address of the upstream, http://host:port; empty: none")
    upstream_timeout: Seconds = Field(description="seconds for one upstream call, above 0")
    upstream_max_connections: Count = Field(description="upstream calls in flight at once, from 1")
    breaker_failure_threshold: Annotated[int, Field(ge=1, le=BREAKER_DISABLED)] = Field(
        description=f"failures in a row that open a breaker, 1 to 998; {BREAKER_DISABLED} switches breakers off"
    )
    breaker_failure_rate: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = Field(
        description="share of failures in the window that opens a breaker as well, 0 for never"
    )
    breaker_window: Seconds = Field(description="seconds the failure rate is taken over, above 0")
    breaker_minimum_calls: Count = Field(description="calls in the window before its rate counts, from 1")
    breaker_recovery_timeout: Seconds = Field(description="seconds an open breaker waits before it probes, above 0")
    breaker_backoff: Annotated[float, Field(ge=1, le=100, allow_inf_nan=False)] = Field(
        description="factor on the recovery timeout after each failed recovery, 1 to 100"
    )
    breaker_max_recovery_timeout: Seconds = Field(description="upper limit of the recovery timeout, seconds above 0")
    breaker_half_open_probes: Count = Field(description="calls let through a half-open breaker, from 1")
    breaker_success_threshold: Count = Field(description="successful probes that close a breaker, from 1")
    breaker_probe_timeout: Seconds = Field(description="seconds after which a probe counts as failed, above 0")
    log_level: Literal["debug", "info", "warning", "error"] = Field(description="debug, info, warning or error")

    @field_validator("websocket_allowed_origins", "websocket_connect_phases", mode="before")
    @classmethod
    def _split_at_commas(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("websocket_jwt_secret")
    @classmethod
    def _secret_is_long_enough(cls, value: str) -> str:
        if value and len(value.encode()) < 32:
            raise ValueError(f"a secret of {len(value.encode())} bytes can be guessed")
        return value

    @field_validator("upstream_url")
    @classmethod
    def _address_is_http(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("not an address beginning with http:// or https://")
        if value and not _can_be_called(value):
            raise ValueError("an address without a host, or with what no address has")
        return value.rstrip("/")

    @model_validator(mode="after")
    def _settings_agree(self) -> Settings:
        for problem in contradictions(self):
            raise ValueError(problem)
        return self


def _can_be_called(address: str) -> bool:
    """Whether a path can be put behind it and the client will take it: else each call fails, and the start does not."""
    import httpx  # 0.1 s, which a server with an upstream spends anyway; one without does not

    try:
        url = httpx.URL(address)
        return bool(url.host) and not {"?", "#"} & set(address)
    except (httpx.InvalidURL, ValueError):
        return False


def _unusable(certificate: str, key: str) -> str:
    """Why a certificate and a key make no server; empty: they do."""
    import ssl  # a server without TLS spends no time on it

    try:
        # Asked for a password, it would wait for one at the terminal.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password=lambda: "-")
    except ssl.SSLError as error:
        return str(error.reason or error).replace("_", " ").lower()
    except (OSError, ValueError) as error:
        return getattr(error, "strerror", None) or str(error)
    return ""


def _printable(path: str) -> str:
    """A path as a message can have it: its bytes need not be text, and then no error could be written with them."""
    return path.encode("utf-8", "backslashreplace").decode()


def contradictions(settings: Settings) -> list[str]:
    """Pairs of settings that cannot both be kept, one sentence each with its remedy."""
    s = settings
    found = []
    if s.websocket_idle_timeout_seconds and s.websocket_idle_warning_seconds >= s.websocket_idle_timeout_seconds:
        found.append(
            f"WEBSOCKET_IDLE_WARNING_SECONDS={s.websocket_idle_warning_seconds:g} must be less than "
            f"WEBSOCKET_IDLE_TIMEOUT_SECONDS={s.websocket_idle_timeout_seconds:g}: the warning comes first"
        )
    if s.websocket_ping_timeout > s.websocket_heartbeat_timeout:
        found.append(
            f"WEBSOCKET_PING_TIMEOUT={s.websocket_ping_timeout:g} must not exceed "
            f"WEBSOCKET_HEARTBEAT_TIMEOUT={s.websocket_heartbeat_timeout:g}: taking nothing is no "
            "better than answering nothing"
        )
    if s.shutdown_timeout <= s.websocket_close_timeout:
        found.append(
            f"SHUTDOWN_TIMEOUT={s.shutdown_timeout:g} must exceed "
            f"WEBSOCKET_CLOSE_TIMEOUT={s.websocket_close_timeout:g}: every client is closed before the exit"
        )
    if s.breaker_success_threshold > s.breaker_half_open_probes:
        found.append(
            f"BREAKER_SUCCESS_THRESHOLD={s.breaker_success_threshold} must not exceed "
            f"BREAKER_HALF_OPEN_PROBES={s.breaker_half_open_probes}: the breaker could never close"
        )
    if s.breaker_max_recovery_timeout < s.breaker_recovery_timeout:
        found.append(
            f"BREAKER_MAX_RECOVERY_TIMEOUT={s.breaker_max_recovery_timeout:g} must be at least "
            f"BREAKER_RECOVERY_TIMEOUT={s.breaker_recovery_timeout:g}"
        )
    if s.server_framework == "fastapi" and find_spec("fastapi") is None:
        found.append("SERVER_FRAMEWORK=fastapi takes the package fastapi, which is not installed: pip install fastapi")
    certificate, key = _printable(s.websocket_tls_certificate), _printable(s.websocket_tls_key)
    if bool(certificate) != bool(key):
        found.append(
            f"WEBSOCKET_TLS_CERTIFICATE={certificate} and WEBSOCKET_TLS_KEY={key} go together: give both, or neither"
        )
    elif s.websocket_tls_certificate and (problem := _unusable(s.websocket_tls_certificate, s.websocket_tls_key)):
        found.append(
            f"WEBSOCKET_TLS_CERTIFICATE={certificate} and WEBSOCKET_TLS_KEY={key} must be a certificate and its key, "
            f"PEM: {problem}"
        )
    needed = (s.websocket_outbox_bytes + 2 * s.websocket_max_message_bytes + 2 * s.websocket_send_buffer_bytes) / 1e6
    if needed > s.websocket_memory_limit_per_connection_mb:
        found.append(
            f"WEBSOCKET_MEMORY_LIMIT_PER_CONNECTION_MB={s.websocket_memory_limit_per_connection_mb:g} must be at least "
            f"{needed:.3g}: WEBSOCKET_OUTBOX_BYTES, two messages of WEBSOCKET_MAX_MESSAGE_BYTES and twice "
            "WEBSOCKET_SEND_BUFFER_BYTES come to that"
        )
    return found
