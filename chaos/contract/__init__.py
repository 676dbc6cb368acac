"""What a server promises. Everything is optional: a promise that is not declared is not tested, and the skip says so.

One class for each family of promises that has figures; the field names are the keys of `[promises.FAMILY]` in a
target file. Durations are seconds here and text with a unit there. Each module holds the families that are about one
thing.
"""

from __future__ import annotations

from chaos.contract.breakers import AcceptBreaker, Breaker
from chaos.contract.burden import BoundedMemory, Pressure, Survival
from chaos.contract.coming import Establishment, Rejection, RejectionAnswer
from chaos.contract.contract import Contract, unread_keys
from chaos.contract.delivery import AnswerOrder, Delivery
from chaos.contract.leaving import Cleanup, Closing, LeakFree
from chaos.contract.service import Fairness, FloodAnswer, Latency, Recovery
from chaos.contract.settings import SettingCount, SettingDuration, Settings
from chaos.contract.staying import Liveness
from chaos.contract.telling import NearlyFull, Observability
from chaos.contract.values import Duration, Family, Size

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
