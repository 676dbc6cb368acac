"""Defects that break a promise of tests/scenarios/test_settings.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT, OPENS, REJECTION, TURNED_AWAY

__all__ = ["CASES"]

NO_SETTINGS = {"containers": "a container keeps the environment that it was made with"}

CASES = (
    Case(
        defect="unreadable_setting_becomes_the_default",
        caught_by="test_settings.py::test_bad_ones_stop_the_start",
        finding="refused_at_start",
        sentinels=("test_settings.py::test_the_limit_is_what_is_set[burst]", HEARTBEAT),
        not_in=NO_SETTINGS,
    ),
    Case(
        defect="limit_is_a_constant",
        caught_by="test_settings.py::test_the_limit_is_what_is_set[burst]",
        finding="rejected_gracefully",
        sentinels=(REJECTION, HEARTBEAT),
        not_in=NO_SETTINGS,
    ),
    Case(
        defect="idle_timeout_is_a_constant",
        caught_by="test_settings.py::test_the_idle_timeout_is_what_is_set",
        finding="closed_when_idle",
        sentinels=("test_liveness.py::test_idle_clients[calm]", CLEANUP),
        not_in=NO_SETTINGS,
    ),
    Case(
        defect="accept_breaker_keeps_its_threshold",
        caught_by="test_settings.py::test_the_accept_breaker_is_off_where_it_is_set_so[upstream-errors]",
        finding="all_tried",
        sentinels=(TURNED_AWAY, OPENS),
        not_in=NO_SETTINGS,
    ),
)
