"""The checks of `defect_checks` for defects that take a fault to show, a module for each kind of fault.

Asked of sound parts the answer is True, and of parts with the defect installed False.
"""

from __future__ import annotations

from ..defect_checks.bench import Check
from . import clock, dead_peers, endings, hostile, shortage, slow_network, upstream

__all__ = ["FAULT_CHECKS"]

FAULT_CHECKS: dict[str, Check] = {
    defect: check
    for kind in (clock, dead_peers, endings, hostile, shortage, slow_network, upstream)
    for defect, check in kind.CHECKS.items()
}
