"""The hostile inputs by kind. Each case says what is sent and what RFC 6455, 9110 and 9112 allow as the answer."""

from __future__ import annotations

from chaos.hostile.case import Case, Grounds, Input
from chaos.hostile.frame_cases import ALLOWED_FRAMES, BOMBS, BROKEN_FRAMES, FLOODS, SIZES
from chaos.hostile.handshake_cases import ALLOWED_HANDSHAKES, BROKEN_HANDSHAKES, SLOW_REQUESTS, UNFINISHED
from chaos.hostile.socketio_cases import ALLOWED_PACKETS, BROKEN_PACKETS
from chaos.hostile.tls_cases import STALLED_TLS

__all__ = ["CASES", "Case", "Grounds", "Input", "case_named", "cases_of"]

CASES: dict[Input, tuple[Case, ...]] = {
    Input.BROKEN_FRAMES: BROKEN_FRAMES,
    Input.ALLOWED_FRAMES: ALLOWED_FRAMES,
    Input.FLOODS: FLOODS,
    Input.SIZES: SIZES,
    Input.BOMBS: BOMBS,
    Input.BROKEN_HANDSHAKES: BROKEN_HANDSHAKES,
    Input.ALLOWED_HANDSHAKES: ALLOWED_HANDSHAKES,
    Input.UNFINISHED: UNFINISHED,
    Input.SLOW_REQUESTS: SLOW_REQUESTS,
    Input.STALLED_TLS: STALLED_TLS,
    Input.BROKEN_PACKETS: BROKEN_PACKETS,
    Input.ALLOWED_PACKETS: ALLOWED_PACKETS,
}


def cases_of(kind: Input) -> tuple[Case, ...]:
    """The cases of one kind, in the order of the findings."""
    return CASES[kind]


def case_named(name: str) -> Case:
    """A case by its name, which no two share. Raises KeyError for one that there is not."""
    return _BY_NAME[name]


_BY_NAME = {case.name: case for cases in CASES.values() for case in cases}
