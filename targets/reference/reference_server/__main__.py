"""`python -m reference_server`: start the server."""

from __future__ import annotations

import signal
import sys
from types import FrameType


def _stop_before_serving(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    # As PID 1 of a container a process without a handler ignores SIGTERM altogether, so one is in place
    # before the slow imports begin; the server replaces it once it serves.
    signal.signal(signal.SIGTERM, _stop_before_serving)
    signal.signal(signal.SIGINT, _stop_before_serving)

    from reference_server.cli import main

    sys.exit(main())
