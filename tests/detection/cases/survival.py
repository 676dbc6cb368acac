"""Defects that break a promise of tests/scenarios/test_survival.py."""

from __future__ import annotations

from tests.detection.case import Case
from tests.detection.scenarios import CLEANUP, HEARTBEAT, TLS, TOKENS

__all__ = ["CASES"]

BROKEN_FRAMES = "test_survival.py::test_broken_frames[hostile-frames]"
ALLOWED_FRAMES = "test_survival.py::test_allowed_frames[hostile-frames]"
MESSAGE_SIZES = "test_survival.py::test_message_sizes[hostile-frames]"

CASES = (
    Case(
        defect="accepts_unmasked_frames",
        caught_by=BROKEN_FRAMES,
        finding="answered_as_allowed",
        sentinels=(ALLOWED_FRAMES, MESSAGE_SIZES, HEARTBEAT),
    ),
    Case(
        defect="dies_of_bad_utf8",
        caught_by=BROKEN_FRAMES,
        finding="server_survived",
        sentinels=(ALLOWED_FRAMES, CLEANUP),
    ),
    Case(
        defect="no_header_deadline",
        caught_by="test_survival.py::test_unfinished_requests[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", BROKEN_FRAMES),
    ),
    Case(
        defect="half_made_requests_take_places",
        caught_by="test_survival.py::test_honest_beside_a_slow_crowd[slow-loris]",
        finding="established",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", HEARTBEAT),
    ),
    Case(
        defect="no_message_size_limit",
        caught_by=MESSAGE_SIZES,
        finding="answered_as_allowed",
        sentinels=(ALLOWED_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="oversize_closed_with_wrong_code",
        caught_by=MESSAGE_SIZES,
        finding="answered_as_allowed",
        sentinels=(ALLOWED_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="refuses_private_close_codes",
        caught_by=ALLOWED_FRAMES,
        finding="answered_as_allowed",
        sentinels=(BROKEN_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="pings_are_kept_until_the_end",
        caught_by="test_survival.py::test_floods[hostile-frames]",
        finding="holds_at_most",
        sentinels=(ALLOWED_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="each_ping_is_written_down",
        caught_by="test_survival.py::test_floods[hostile-frames]",
        finding="undisturbed",
        sentinels=(ALLOWED_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="inflates_without_a_limit",
        caught_by="test_survival.py::test_compression_bomb[hostile-frames]",
        finding="answered_as_allowed",
        sentinels=(MESSAGE_SIZES, HEARTBEAT),
    ),
    Case(
        defect="whatever_inflates_is_a_bomb",
        caught_by="test_survival.py::test_compression_bomb[hostile-frames]",
        finding="answered_as_allowed",
        sentinels=(MESSAGE_SIZES, HEARTBEAT),
    ),
    Case(
        defect="requests_may_not_pause",
        caught_by="test_survival.py::test_allowed_handshakes[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=("test_survival.py::test_unfinished_requests[hostile-handshakes]", BROKEN_FRAMES, HEARTBEAT),
    ),
    Case(
        defect="takes_any_version",
        caught_by="test_survival.py::test_broken_handshakes[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=("test_survival.py::test_allowed_handshakes[hostile-handshakes]", BROKEN_FRAMES),
    ),
    Case(
        defect="serves_every_path",
        caught_by="test_survival.py::test_a_path_that_leads_nowhere",
        finding="refused_at_the_door",
        # The RFCs leave a server every path, so what is only odd is allowed.
        sentinels=("test_survival.py::test_allowed_handshakes[hostile-handshakes]", BROKEN_FRAMES),
    ),
    Case(
        defect="looks_for_the_request",
        caught_by="test_survival.py::test_broken_handshakes[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=("test_survival.py::test_allowed_handshakes[hostile-handshakes]", BROKEN_FRAMES),
    ),
    Case(
        defect="refuses_unknown_extensions",
        caught_by="test_survival.py::test_allowed_handshakes[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=(
            "test_survival.py::test_broken_handshakes[hostile-handshakes]",
            "test_survival.py::test_compression_bomb[hostile-frames]",
        ),
    ),
    Case(
        defect="last_connection_line_counts",
        caught_by="test_survival.py::test_allowed_handshakes[hostile-handshakes]",
        finding="answered_as_allowed",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", BROKEN_FRAMES),
    ),
    Case(
        defect="half_requests_keep_their_file",
        caught_by="test_survival.py::test_crashes_around_the_upgrade[crash-mid-handshake]",
        finding="files_given_back",
        sentinels=("test_survival.py::test_unfinished_requests[hostile-handshakes]", CLEANUP, HEARTBEAT),
    ),
    Case(
        defect="origins_compared_by_their_beginning",
        caught_by="test_survival.py::test_no_right_to_come_in",
        finding="refused_at_the_door",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", HEARTBEAT),
    ),
    Case(
        defect="no_deadline_before_tls",
        caught_by="test_survival.py::test_honest_beside_a_slow_crowd[tls-stall]",
        finding="answered_as_allowed",
        sentinels=(HEARTBEAT, CLEANUP),
        target=TLS,
    ),
    Case(
        defect="tokens_outlive_their_expiry",
        caught_by="test_survival.py::test_no_right_to_come_in",
        finding="refused_at_the_door",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", HEARTBEAT),
        target=TOKENS,
    ),
    Case(
        defect="tokens_choose_their_algorithm",
        caught_by="test_survival.py::test_no_right_to_come_in",
        finding="refused_at_the_door",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", HEARTBEAT),
        target=TOKENS,
    ),
    Case(
        defect="tokens_are_looked_at_where_there_are_any",
        caught_by="test_survival.py::test_no_right_to_come_in",
        finding="refused_at_the_door",
        sentinels=("test_survival.py::test_broken_handshakes[hostile-handshakes]", HEARTBEAT),
        target=TOKENS,
    ),
)
