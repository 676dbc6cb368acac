"""The values that go together: one profile for the laptop's test suite, one each for staging, production, development.

Figures of `staging` and `production` are those of the services this server is modelled on. In `fast` everything takes
fractions of a second; its time-outs are still several times the lateness of a busy two-core machine (0.2 s seen).
"""

from __future__ import annotations

from collections.abc import Mapping

Value = str | int | float | bool | tuple[float, ...]

COMMON: Mapping[str, Value] = {
    "websocket_max_connections": 100,
    "websocket_reject_with": "http-503",
    "websocket_breaker_reject_with": "close-1013",
    "websocket_backpressure_threshold": 0.85,
    "websocket_max_message_bytes": 1024 * 1024,
    "websocket_idle_code": 1001,
    "websocket_age_code": 1001,
    "websocket_message_rate": 5000,
    "websocket_message_burst": 10_000,
    "websocket_handshake_rate": 0,
    "websocket_handshake_burst": 100,
    "websocket_outbox_messages": 32,
    "websocket_outbox_bytes": 1024 * 1024,
    "websocket_send_buffer_bytes": 128 * 1024,
    "websocket_memory_limit_per_connection_mb": 5,
    "websocket_memory_limit_mb": 500,
    "websocket_compression": False,
    "websocket_allowed_origins": "",
    "websocket_jwt_secret": "",
    "websocket_tls_certificate": "",
    "websocket_tls_key": "",
    "websocket_record_directory": "",
    "listen_backlog": 2048,
    "shutdown_code": 1001,
    "server_framework": "starlette",
    "broadcast_payload_bytes": 0,
    "resume_sessions": 400,
    "resume_buffer_messages": 256,
    "resume_buffer_bytes": 256 * 1024,
    "upstream_url": "",
    "upstream_max_connections": 20,
    "breaker_failure_rate": 0,
    "breaker_minimum_calls": 10,
    "breaker_backoff": 2,
    "breaker_half_open_probes": 2,
    "breaker_success_threshold": 2,
    "log_level": "info",
}

FAST: Mapping[str, Value] = {
    "websocket_retry_after": 1,
    "websocket_heartbeat_interval": 0.3,
    "websocket_heartbeat_timeout": 0.7,
    "websocket_ping_timeout": 0.7,
    "websocket_cleanup_interval": 0.2,
    "websocket_idle_timeout_seconds": 1.5,
    "websocket_idle_warning_seconds": 0.5,
    "websocket_max_age": 30,
    "websocket_handshake_timeout": 1,
    "websocket_connect_timeout": 3,
    "websocket_connect_phases": (1.5, 1.0, 0.75, 0.5, 0.4),
    "websocket_close_timeout": 0.5,
    "shutdown_timeout": 2,
    "broadcast_interval": 0.1,
    "resume_window": 6,
    "upstream_timeout": 0.5,
    "breaker_failure_threshold": 5,
    "breaker_window": 5,
    "breaker_recovery_timeout": 0.5,
    "breaker_max_recovery_timeout": 2,
    "breaker_probe_timeout": 0.7,
}

STAGING: Mapping[str, Value] = {
    "websocket_retry_after": 5,
    "websocket_heartbeat_interval": 15,
    "websocket_heartbeat_timeout": 45,
    "websocket_ping_timeout": 5,
    "websocket_cleanup_interval": 120,
    "websocket_idle_timeout_seconds": 300,
    "websocket_idle_warning_seconds": 60,
    "websocket_max_age": 360,
    "websocket_handshake_timeout": 15,
    "websocket_connect_timeout": 10,
    "websocket_connect_phases": (3.0, 2.0, 1.5, 1.0, 0.8),
    "websocket_close_timeout": 10,
    "shutdown_timeout": 30,
    "broadcast_interval": 5,
    "resume_window": 30,
    "upstream_timeout": 5,
    "breaker_failure_threshold": 3,
    "breaker_window": 30,
    "breaker_recovery_timeout": 15,
    "breaker_max_recovery_timeout": 30,
    "breaker_probe_timeout": 10,
}

PRODUCTION: Mapping[str, Value] = {
    **STAGING,
    "websocket_heartbeat_interval": 30,
    "websocket_heartbeat_timeout": 30,
    "websocket_ping_timeout": 30,
    "websocket_cleanup_interval": 60,
    "websocket_max_age": 1800,
    "breaker_failure_threshold": 5,
    "breaker_window": 60,
    "breaker_recovery_timeout": 60,
    "breaker_max_recovery_timeout": 600,
}

DEVELOPMENT: Mapping[str, Value] = {
    **PRODUCTION,
    "websocket_max_age": 0,
    "websocket_idle_timeout_seconds": 3600,
    "websocket_message_rate": 0,
    "broadcast_interval": 1,
    "shutdown_timeout": 3,
    "websocket_close_timeout": 1,
    "breaker_failure_threshold": 20,
    "breaker_recovery_timeout": 2,
    "breaker_max_recovery_timeout": 2,
    "log_level": "debug",
}

PROFILES: Mapping[str, Mapping[str, Value]] = {
    "fast": {**COMMON, **FAST},
    "staging": {**COMMON, **STAGING},
    "production": {**COMMON, **PRODUCTION},
    "development": {**COMMON, **DEVELOPMENT},
}
DEFAULT_PROFILE = "development"
