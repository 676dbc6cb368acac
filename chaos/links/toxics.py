"""What can be wrong with a link: Toxiproxy's toxics as validated values.

Toxiproxy itself takes whatever it is given: a misspelt attribute, a negative latency and a toxicity of 7 are all
answered with 200, and a slicer without a size ends its process. Here a toxic that makes no sense cannot be built.
Fields are seconds and bytes; Toxiproxy counts in whole milliseconds (the slicer in microseconds, bandwidth in
thousands of bytes a second), and what such a whole number cannot say is refused, never rounded in silence.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from chaos.units import format_duration

__all__ = [
    "LONGEST",
    "TOXICS",
    "BandwidthToxic",
    "LatencyToxic",
    "LimitDataToxic",
    "ResetPeerToxic",
    "SlicerToxic",
    "SlowCloseToxic",
    "Stream",
    "TimeoutToxic",
    "Toxic",
    "check_toxicity",
]

LONGEST = 86_400.0
"""Seconds; the longest delay that is accepted. Longer ones are milliseconds taken for seconds, and Toxiproxy's own
counter of nanoseconds overflows in silence."""

_MILLISECONDS = 1000
_MICROSECONDS = 1_000_000
_KILOBYTE = 1000
"""Toxiproxy's KB: it divides bytes by the rate to get milliseconds."""
_MOST_BYTES = 2**53
"""The largest whole number that every JSON reader keeps exact."""
_UNLIMITED = 10**9 * _KILOBYTE
_WHOLE_DATA = 2**30


class Stream(StrEnum):
    """The direction a toxic acts on."""

    DOWNSTREAM = "downstream"
    """From server to client."""
    UPSTREAM = "upstream"
    """From client to server."""

    @classmethod
    def of(cls, value: object) -> Stream:
        """The stream of that name. Raises ValueError that lists the two there are."""
        try:
            return cls(str(value))
        except ValueError:
            raise ValueError(f'a stream is "downstream" (server to client) or "upstream"; found {value!r}') from None


class Toxic(ABC):
    """One kind of harm with its figures, checked when it is made. Subclasses are frozen dataclasses."""

    __slots__ = ()

    type: ClassVar[str]
    """Toxiproxy's name for it."""

    @abstractmethod
    def attributes(self) -> dict[str, int]:
        """All its attributes, in Toxiproxy's names and units."""

    @classmethod
    @abstractmethod
    def read(cls, attributes: Mapping[str, int]) -> Toxic:
        """The toxic that Toxiproxy describes so. Raises KeyError, TypeError or ValueError for what cannot be."""

    def released(self) -> Toxic | None:
        """What it is updated to so that it lets go what it holds, for those that hold data; None for the others."""
        return None

    def longest_hold(self) -> float:
        """Seconds that one chunk of data may wait in it; 0 where it holds none."""
        return 0.0

    def takes_the_place_of(self, other: Toxic) -> bool:
        """Whether it has to be put in the place of another, of the same type, because an update is dangerous."""
        del other
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencyToxic(Toxic):
    """Every chunk arrives `latency` ± `jitter` seconds late. Not reordered, and the handshake of TCP is not slowed."""

    type: ClassVar[str] = "latency"

    latency: float
    jitter: float = 0.0

    def __post_init__(self) -> None:
        _delay("latency", self.latency, per_second=_MILLISECONDS)
        _delay("jitter", self.jitter, per_second=_MILLISECONDS)
        if self.jitter > self.latency:
            raise ValueError(
                f"jitter is at most the latency ({format_duration(self.latency)}): a delay below zero is none, "
                f"and the mean would no longer be the latency; found {format_duration(self.jitter)}"
            )

    def attributes(self) -> dict[str, int]:
        return {"latency": round(self.latency * _MILLISECONDS), "jitter": round(self.jitter * _MILLISECONDS)}

    @classmethod
    def read(cls, attributes: Mapping[str, int]) -> LatencyToxic:
        return cls(latency=attributes["latency"] / _MILLISECONDS, jitter=attributes["jitter"] / _MILLISECONDS)

    def released(self) -> LatencyToxic:
        return LatencyToxic(latency=0.0)

    def longest_hold(self) -> float:
        return self.latency + self.jitter


@dataclass(frozen=True, slots=True, kw_only=True)
class BandwidthToxic(Toxic):
    """At most `rate` bytes a second pass, in whole thousands; 0 stops the stream without closing it."""

    type: ClassVar[str] = "bandwidth"

    rate: int

    def __post_init__(self) -> None:
        _count("rate", self.rate, least=0, most=_UNLIMITED, unit="bytes a second")
        if self.rate % _KILOBYTE:
            raise ValueError(f"rate is a multiple of {_KILOBYTE} bytes a second; found {self.rate}")

    def attributes(self) -> dict[str, int]:
        return {"rate": self.rate // _KILOBYTE}

    @classmethod
    def read(cls, attributes: Mapping[str, int]) -> BandwidthToxic:
        return cls(rate=attributes["rate"] * _KILOBYTE)

    def released(self) -> BandwidthToxic:
        return self  # an update lets a waiting chunk go whole; a higher rate would be dangerous, see below

    def takes_the_place_of(self, other: Toxic) -> bool:
        """Where it lets more through.

        Toxiproxy 2.12 writes a new rate into the toxic that is at work. A link that wakes just then, its 100 ms over,
        cuts from its chunk what the new rate lets through: more than there is, so the whole process panics (measured:
        with 20 links under load, asked 0.2 s after the data came, in one of two tries).
        """
        return isinstance(other, BandwidthToxic) and self.rate > other.rate

    def longest_hold(self) -> float:
        return 32_768 / self.rate if self.rate else LONGEST  # Go's io.Copy reads chunks of at most 32 KiB


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowCloseToxic(Toxic):
    """The end of the stream arrives `delay` seconds late: a peer that left seems to be there all that time."""

    type: ClassVar[str] = "slow_close"

    delay: float

    def __post_init__(self) -> None:
        _delay("delay", self.delay, per_second=_MILLISECONDS)

    def attributes(self) -> dict[str, int]:
        return {"delay": round(self.delay * _MILLISECONDS)}

    @classmethod
    def read(cls, attributes: Mapping[str, int]) -> SlowCloseToxic:
        return cls(delay=attributes["delay"] / _MILLISECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeoutToxic(Toxic):
    """All data is dropped. The connection ends `timeout` seconds after the latest chunk; with 0, never by itself.

    It is not half-open: a FIN still passes. Removing it cuts every connection it acted on.
    """

    type: ClassVar[str] = "timeout"

    timeout: float

    def __post_init__(self) -> None:
        _delay("timeout", self.timeout, per_second=_MILLISECONDS)

    def attributes(self) -> dict[str, int]:
        return {"timeout": round(self.timeout * _MILLISECONDS)}

    @classmethod
    def read(cls, attributes: Mapping[str, int]) -> TimeoutToxic:
        return cls(timeout=attributes["timeout"] / _MILLISECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetPeerToxic(Toxic):
    """The connection ends `timeout` seconds after the next chunk; use `Link.reset_all` for a true RST."""

    type: ClassVar[str] = "reset_peer"

    timeout: float = 0.0

    def __post_init__(self) -> None:
        _delay("timeout", self.timeout, per_second=_MILLISECONDS)

    def attributes(self) -> dict[str, int]:
        return {"timeout": round(self.timeout * _MILLISECONDS)}

    @classmethod
    def read(cls, attributes: Mapping[str, int]) -> ResetPeerToxic:
        return cls(timeout=attributes["timeout"] / _MILLISECONDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlicerToxic(Toxic):
    """Data arrives in pieces of `average_size` ± `size_variation` bytes, `delay` seconds (whole microseconds) apart."""

    type: ClassVar[str] = "slicer"

    average_size: int
    size_variation: int = 0
    delay: float = 0.0

    def __post_init__(self) -> None:
        _count("average_size", self.average_size, least=1, most=_WHOLE_DATA, unit="bytes")
        _count("size_variation", self.size_variation, least=0, most=self.average_size - 1, unit="bytes")
        _delay("delay", self.delay, per_second=_MICROSECONDS)

    def attributes(self) -> dict[str, int]:
        return {
            "average_size": self.average_size,
            "size_variation": self.size_variation,
            "delay": round(self.delay * _MICROSECONDS),
        }

    @classmethod
    def read(cls, attributes: Mapping[str, int]) -> SlicerToxic:
        return cls(
            average_size=attributes["average_size"],
            size_variation=attributes["size_variation"],
            delay=attributes["delay"] / _MICROSECONDS,
        )

    def released(self) -> SlicerToxic:
        return SlicerToxic(average_size=_WHOLE_DATA)

    def longest_hold(self) -> float:
        return self.delay * 32_768 / self.average_size  # pieces of one chunk of io.Copy, one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitDataToxic(Toxic):
    """The connection ends once `bytes` bytes have passed since the toxic reached it."""

    type: ClassVar[str] = "limit_data"

    bytes: int

    def __post_init__(self) -> None:
        _count("bytes", self.bytes, least=0, most=_MOST_BYTES, unit="bytes")

    def attributes(self) -> dict[str, int]:
        return {"bytes": self.bytes}

    @classmethod
    def read(cls, attributes: Mapping[str, int]) -> LimitDataToxic:
        return cls(bytes=attributes["bytes"])


TOXICS: Mapping[str, type[Toxic]] = {
    toxic.type: toxic
    for toxic in (
        LatencyToxic,
        BandwidthToxic,
        SlowCloseToxic,
        TimeoutToxic,
        ResetPeerToxic,
        SlicerToxic,
        LimitDataToxic,
    )
}
"""Every toxic of Toxiproxy 2.12 by its name there."""


def check_toxicity(value: float) -> float:
    """The share of connections that a toxic acts on, from 0 to 1. Raises ValueError.

    The draw is made for each connection, cannot be seeded, and is made again when the chain of toxics changes.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"toxicity is a number from 0 to 1, the share of connections it acts on; found {value!r}")
    return float(value)


def _delay(name: str, seconds: float, *, per_second: int) -> None:
    if isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise ValueError(f"{name} is seconds as a number; found {seconds!r}")
    if not 0 <= seconds <= LONGEST:
        raise ValueError(f"{name} is from 0s to {format_duration(LONGEST)}; found {seconds!r}s")
    counted = seconds * per_second
    # A float of seconds is off by less than this after the multiplication (2**-52 of 86400 s in microseconds is 2e-5);
    # a person who means half a unit is off by far more.
    if abs(counted - round(counted)) > 1e-4:
        raise ValueError(f"{name} is a whole multiple of {format_duration(1 / per_second)}; found {seconds!r}s")


def _count(name: str, value: int, *, least: int, most: int, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{name} is a whole number of {unit}; found {value!r}")
    if not least <= value <= most:
        raise ValueError(f"{name} is from {least} to {most} {unit}; found {value}")
