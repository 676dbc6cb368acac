"""Sleeping for so long, where Python from 3.11 on sleeps until a time.

libfaketime 0.9.10 refuses the latter with EINVAL, and with it nobody could set this server's clock to see what it does:
gunicorn's master, which sleeps between two forks, would end of that.
"""

from __future__ import annotations

import select
import time


def sleep(seconds: float) -> None:
    """As time.sleep, up to Python 3.10."""
    select.select([], [], [], seconds)


def sleep_for_so_long() -> None:
    """From now on time.sleep does that in this process and in what it forks."""
    time.sleep = sleep
