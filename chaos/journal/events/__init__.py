"""The events of a journal. Every `at` is seconds of CLOCK_MONOTONIC, which all processes of one machine share.

base        what every event has
course      who writes, the scenario's parts, remarks
faults      what was done, its evidence, how it was taken away
clients     what clients saw
hostile     what hostile clients got
numbered    what became of messages that carry numbers
harness     which process stamps whose times, and how late it was
canary      the harness's own clients
server      the server from outside and by its own word
judgement   what was found
"""

from __future__ import annotations

from chaos.journal.events.base import QUOTED, Event
from chaos.journal.events.canary import Beat, Call, FeedFetched, Source
from chaos.journal.events.clients import Attempt, Ended, Frame, Outcome, Traffic, WentIdle
from chaos.journal.events.course import Note, Overfilled, Phase, PhaseEntered, Segment, Soaked
from chaos.journal.events.faults import Bite, Entrance, Evidence, Healing, HealingState, Injected, Receipt
from chaos.journal.events.harness import CrowdMade, Lateness
from chaos.journal.events.hostile import HostileAnswer
from chaos.journal.events.judgement import FindingMade, ReleaseAwaited, VerdictGiven
from chaos.journal.events.numbered import Anomaly, Correspondence
from chaos.journal.events.server import (
    Hit,
    Holders,
    LeftBehind,
    Logged,
    MemoryHeld,
    ProcessLost,
    Round,
    Sample,
    ServerEvent,
    StartTried,
    Statistics,
)

__all__ = [
    "KINDS",
    "QUOTED",
    "VERSION",
    "Anomaly",
    "Attempt",
    "Beat",
    "Bite",
    "Call",
    "Correspondence",
    "CrowdMade",
    "Ended",
    "Entrance",
    "Event",
    "Evidence",
    "FeedFetched",
    "FindingMade",
    "Frame",
    "Healing",
    "HealingState",
    "Hit",
    "Holders",
    "HostileAnswer",
    "Injected",
    "Lateness",
    "LeftBehind",
    "Logged",
    "MemoryHeld",
    "Note",
    "Outcome",
    "Overfilled",
    "Phase",
    "PhaseEntered",
    "ProcessLost",
    "Receipt",
    "ReleaseAwaited",
    "Round",
    "Sample",
    "Segment",
    "ServerEvent",
    "Soaked",
    "Source",
    "StartTried",
    "Statistics",
    "Traffic",
    "VerdictGiven",
    "WentIdle",
]

VERSION = 10
"""Raised when a kind of event is new or changes its meaning; a reader refuses journals of a later version."""

KINDS: dict[str, type[Event]] = {
    kind.__name__: kind
    for kind in (
        Segment,
        PhaseEntered,
        Note,
        Overfilled,
        Soaked,
        Injected,
        Receipt,
        Healing,
        Attempt,
        Ended,
        Frame,
        Traffic,
        WentIdle,
        HostileAnswer,
        Anomaly,
        Correspondence,
        Call,
        FeedFetched,
        Round,
        MemoryHeld,
        Beat,
        CrowdMade,
        Lateness,
        ServerEvent,
        ProcessLost,
        Holders,
        LeftBehind,
        Logged,
        StartTried,
        Sample,
        Statistics,
        Hit,
        ReleaseAwaited,
        FindingMade,
        VerdictGiven,
    )
}
"""Every kind of event by the name it has in the file."""
