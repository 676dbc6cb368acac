"""Works the share of places taken out with an integer division: it is 0 until the last place is taken, and then 1.

Breaks the backpressure warning: nobody is told that the server is nearly full before it is full. The limit itself and
its rejections stay as they are.
"""

from __future__ import annotations

from reference_server.parts import Parts

DESCRIPTION = "clients are not warned that the server is nearly full, only that it is full"


def install(parts: Parts) -> None:
    """Look at the share, truncated."""
    admission, backpressure = parts.admission, parts.backpressure
    warn_everyone = backpressure.update
    threshold = parts.settings.websocket_backpressure_threshold

    def update() -> None:
        taken = admission.inside // admission.limit
        if taken >= threshold or backpressure.active:
            warn_everyone()

    backpressure.update = update  # type: ignore[method-assign]  # a defect replaces a method
