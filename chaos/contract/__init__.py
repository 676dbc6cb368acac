"""What a server promises. Everything is optional: a promise that is not declared is not tested, and the skip says so.

One class for each family of promises that has figures; the field names are the keys of `[promises.FAMILY]` in a
target file. Durations are seconds here and text with a unit there. Each family has a module of its name.
"""

from __future__ import annotations

from chaos.contract.accept_breaker import AcceptBreaker
from chaos.contract.bounded_memory import BoundedMemory
from chaos.contract.breaker import Breaker
from chaos.contract.cleanup import Cleanup
from chaos.contract.closing import Closing
from chaos.contract.contract import Contract, unread_keys
from chaos.contract.delivery import AnswerOrder, Delivery
from chaos.contract.establishment import Establishment
from chaos.contract.fairness import Fairness, FloodAnswer
from chaos.contract.latency import Latency
from chaos.contract.leak_free import LeakFree
from chaos.contract.liveness import Liveness
from chaos.contract.observability import NearlyFull, Observability
from chaos.contract.pressure import Pressure
from chaos.contract.recovery import Recovery
from chaos.contract.rejection import Rejection, RejectionAnswer
from chaos.contract.settings import SettingCount, SettingDuration, Settings
from chaos.contract.survival import Survival
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
