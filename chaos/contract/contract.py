"""All families together, and which of their promises nobody reads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from chaos.contract.accept_breaker import AcceptBreaker
from chaos.contract.bounded_memory import BoundedMemory
from chaos.contract.breaker import Breaker
from chaos.contract.cleanup import Cleanup
from chaos.contract.closing import Closing
from chaos.contract.delivery import Delivery
from chaos.contract.establishment import Establishment
from chaos.contract.fairness import Fairness
from chaos.contract.latency import Latency
from chaos.contract.leak_free import LeakFree
from chaos.contract.liveness import Liveness
from chaos.contract.observability import Observability
from chaos.contract.pressure import Pressure
from chaos.contract.recovery import Recovery
from chaos.contract.rejection import Rejection
from chaos.contract.settings import Settings
from chaos.contract.survival import Survival
from chaos.contract.values import Family

__all__ = ["Contract", "unread_keys"]


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
