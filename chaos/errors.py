"""Every error this library raises on purpose.

    ChaosError
    +-- ConfigurationError      target.toml, an option or a setting is wrong; names the key and the remedy
    |   `-- ForeignAddress      traffic to a host that the user has not allowed by name
    +-- EnvironmentFailure      this machine cannot do what was asked; names the remedy
    |   +-- EngineUnavailable   no container engine answers
    |   +-- ImageUnavailable    an image is neither local nor to be had
    |   +-- ToolMissing         a program such as nft is not installed
    |   `-- Unsupported         the runtime, kernel or platform has no such ability
    +-- TargetFailure           the server under test did not do what it takes to be tested
    |   +-- StartFailed         it never got healthy; carries the last lines of its log
    |   +-- TargetDied          it ended although nothing asked it to
    |   `-- PortTaken           something else listens where it should
    +-- LinkError               the proxy refused, hung, or is not in the state it was put into
    +-- FaultError              a fault could not be injected or healed
    +-- AgentError              the agent refused a request or is gone
    +-- CrowdError              a crowd worker is gone or was asked for the impossible
    `-- JournalError            a journal cannot be read or written

A message says what was found, what is allowed and what to do about it. None of these is ever a verdict: a server
that breaks a promise is a Finding, not an exception.
"""

from __future__ import annotations

__all__ = [
    "AgentError",
    "ChaosError",
    "ConfigurationError",
    "CrowdError",
    "EngineUnavailable",
    "EnvironmentFailure",
    "FaultError",
    "ForeignAddress",
    "ImageUnavailable",
    "JournalError",
    "LinkError",
    "PortTaken",
    "StartFailed",
    "TargetDied",
    "TargetFailure",
    "ToolMissing",
    "Unsupported",
]


class ChaosError(Exception):
    """Base of all errors raised on purpose; `str()` is a sentence for the user."""


class ConfigurationError(ChaosError):
    """target.toml, an option or a setting is wrong."""


class ForeignAddress(ConfigurationError):
    """Traffic would go to a host that is neither loopback, nor the project's own, nor allowed by name."""


class EnvironmentFailure(ChaosError):
    """This machine cannot do what was asked."""


class EngineUnavailable(EnvironmentFailure):
    """No container engine answers."""


class ImageUnavailable(EnvironmentFailure):
    """An image is neither local nor to be had within the time allowed."""


class ToolMissing(EnvironmentFailure):
    """A program that the request needs is not installed."""


class Unsupported(EnvironmentFailure):
    """The runtime, kernel or platform has no such ability."""


class TargetFailure(ChaosError):
    """The server under test did not do what it takes to be tested."""


class StartFailed(TargetFailure):
    """The server never became healthy; the message ends with the last lines of its log."""


class TargetDied(TargetFailure):
    """The server ended although nothing asked it to."""


class PortTaken(TargetFailure):
    """Something else listens on the port the server should have."""


class LinkError(ChaosError):
    """The proxy refused, hung, or is not in the state it was put into."""


class FaultError(ChaosError):
    """A fault could not be injected, proven or healed for a reason that is ours."""


class AgentError(ChaosError):
    """The agent refused a request or is gone."""


class CrowdError(ChaosError):
    """A crowd worker is gone or was asked for the impossible."""


class JournalError(ChaosError):
    """A journal cannot be read or written."""
