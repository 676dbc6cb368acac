"""Adds to the alerts that are raised, and takes none of them out.

Breaks the end of every alert: what was wrong once is wrong for ever, and the second time tells nobody anything.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "an alert that was raised once is shown until the process ends"


def install(parts: Parts) -> None:
    """Remember every one."""
    update, raised = parts.alerts.update, set[str]()

    def keep() -> list[str]:
        raised.update(update())
        return sorted(raised)

    parts.alerts.update = keep  # type: ignore[method-assign]  # a defect replaces a method
