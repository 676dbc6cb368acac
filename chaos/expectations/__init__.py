"""Judgements over the journal and the contract: each gives one finding, the worst finding is the verdict."""

from __future__ import annotations

from chaos.expectations.accept_breaker import AllTried, RodeOut, TurnedAwayWhileOpen
from chaos.expectations.alerts import AlertGone, AlertNotRaised, AlertRaised
from chaos.expectations.base import Expectation, Provided, Record, Uncertainty, judge_all, quantile
from chaos.expectations.breaker import (
    AnsweredWhileOpen,
    CallsAnswered,
    FollowsTheBreakerModel,
    GivenUpWithin,
    OpenedAfter,
    OpenedAtRate,
    UpstreamCalled,
    UpstreamLeftAlone,
)
from chaos.expectations.cleanup import (
    FilesGivenBack,
    ProcessesGivenBack,
    ReleasedEachTime,
    ReleasedWithin,
    StatisticsAgree,
    TasksGivenBack,
)
from chaos.expectations.clients import ClosedWith, Undisturbed
from chaos.expectations.closing import (
    AnswersFirst,
    BroadcastsFirst,
    CloseAnswered,
    Deaf,
    LateAnswerAwaited,
    NothingLeftBehind,
)
from chaos.expectations.counters import CounterAgrees
from chaos.expectations.cpu import AsBusyAsBefore
from chaos.expectations.database_sessions import DatabaseSessionsGivenBack
from chaos.expectations.establishment import Established, StayedAfterUpgrade
from chaos.expectations.failures_in_a_row import TurnedAwayForARow
from chaos.expectations.fairness import FloodAnswered, SentAtRate
from chaos.expectations.faults import (
    CameBesideTheHostile,
    ClosedAgain,
    FailedByTheirOwnDoing,
    FailuresReached,
    FaultLasted,
    FaultsBit,
    FaultsHealed,
    LeftMidCall,
    OutlastedTheOpening,
    PongsDelayed,
    SteadyBefore,
)
from chaos.expectations.fetched import FetchedInTime
from chaos.expectations.hostile import AnsweredAsAllowed
from chaos.expectations.integrity import Intact, IntactThroughReconnects, PlainlyOver
from chaos.expectations.leaks import (
    ConnectionsNotKept,
    FdsNotKept,
    MemoryNotKept,
    SessionsNotKept,
    TasksNotKept,
    ThreadsNotKept,
)
from chaos.expectations.liveness import ClosedByAge, ClosedWhenIdle, PingedAtPeriod, WarnedBeforeClose
from chaos.expectations.memory import CostsAtMost, GivenBack, HoldsAtMost
from chaos.expectations.notices import NotWarnedEarly, Warned
from chaos.expectations.processes import WorkerRecycled, WorkerReplaced
from chaos.expectations.reach import ReachedEverybody
from chaos.expectations.reach_again import ReachesEverybodyAgain
from chaos.expectations.rejection import RefusedAtTheDoor, RejectedGracefully
from chaos.expectations.sessions import SessionsForgotten
from chaos.expectations.shortage import DoesNotSpin, LogsLittle, ShortageLasted
from chaos.expectations.slow_upstream import WaitedFor
from chaos.expectations.soak import (
    AnsweredThroughout,
    IdleFoundThroughout,
    MemoryWithin,
    NothingKeptOverTime,
    PlacesThroughout,
)
from chaos.expectations.starts import RefusedAtStart
from chaos.expectations.survival import ServerSurvived
from chaos.expectations.timing import DeliveredInSequence, RecoveredWithin, RoundTripsWithin, ShutDownWithin
from chaos.expectations.witnesses import WitnessesAgree

__all__ = [
    "AlertGone",
    "AlertNotRaised",
    "AlertRaised",
    "AllTried",
    "AnsweredAsAllowed",
    "AnsweredThroughout",
    "AnsweredWhileOpen",
    "AnswersFirst",
    "AsBusyAsBefore",
    "BroadcastsFirst",
    "CallsAnswered",
    "CameBesideTheHostile",
    "CloseAnswered",
    "ClosedAgain",
    "ClosedByAge",
    "ClosedWhenIdle",
    "ClosedWith",
    "ConnectionsNotKept",
    "CostsAtMost",
    "CounterAgrees",
    "DatabaseSessionsGivenBack",
    "Deaf",
    "DeliveredInSequence",
    "DoesNotSpin",
    "Established",
    "Expectation",
    "FailedByTheirOwnDoing",
    "FailuresReached",
    "FaultLasted",
    "FaultsBit",
    "FaultsHealed",
    "FdsNotKept",
    "FetchedInTime",
    "FilesGivenBack",
    "FloodAnswered",
    "FollowsTheBreakerModel",
    "GivenBack",
    "GivenUpWithin",
    "HoldsAtMost",
    "IdleFoundThroughout",
    "Intact",
    "IntactThroughReconnects",
    "LateAnswerAwaited",
    "LeftMidCall",
    "LogsLittle",
    "MemoryNotKept",
    "MemoryWithin",
    "NotWarnedEarly",
    "NothingKeptOverTime",
    "NothingLeftBehind",
    "OpenedAfter",
    "OpenedAtRate",
    "OutlastedTheOpening",
    "PingedAtPeriod",
    "PlacesThroughout",
    "PlainlyOver",
    "PongsDelayed",
    "ProcessesGivenBack",
    "Provided",
    "ReachedEverybody",
    "ReachesEverybodyAgain",
    "Record",
    "RecoveredWithin",
    "RefusedAtStart",
    "RefusedAtTheDoor",
    "RejectedGracefully",
    "ReleasedEachTime",
    "ReleasedWithin",
    "RodeOut",
    "RoundTripsWithin",
    "SentAtRate",
    "ServerSurvived",
    "SessionsForgotten",
    "SessionsNotKept",
    "ShortageLasted",
    "ShutDownWithin",
    "StatisticsAgree",
    "StayedAfterUpgrade",
    "SteadyBefore",
    "TasksGivenBack",
    "TasksNotKept",
    "ThreadsNotKept",
    "TurnedAwayForARow",
    "TurnedAwayWhileOpen",
    "Uncertainty",
    "Undisturbed",
    "UpstreamCalled",
    "UpstreamLeftAlone",
    "WaitedFor",
    "Warned",
    "WarnedBeforeClose",
    "WitnessesAgree",
    "WorkerRecycled",
    "WorkerReplaced",
    "judge_all",
    "quantile",
]
