from __future__ import annotations

import errno

from chaos.links.embedded.ledger import Ledger, error_name


def test_open_connections_are_kept_and_of_the_ended_the_newest():
    ledger = Ledger(kept=2)
    records = [ledger.open(at=number, client=f"c{number}", listen="l") for number in range(4)]
    for record in records[:3]:
        ledger.close(record, at=10)
    assert [(record.number, record.ended_at) for record in ledger.records()] == [(2, 10), (3, 10), (4, None)]
    assert (ledger.accepted, ledger.ended, ledger.forgotten) == (4, 3, 1)


def test_after_leaves_out_what_is_known():
    ledger = Ledger()
    for _ in range(3):
        ledger.open(at=0, client="c", listen="l")
    assert [record.number for record in ledger.records(after=2)] == [3]


def test_a_reset_is_told_from_other_failures():
    record = Ledger().open(at=0, client="c", listen="l")
    for number in (errno.ECONNRESET, errno.EPIPE, errno.ETIMEDOUT):
        record.note_failure(1.5, "client", number)
    assert [(event.what, event.detail) for event in record.events] == [
        ("rst_received", "ECONNRESET"),
        ("rst_received", "EPIPE"),
        ("failed", "ETIMEDOUT"),
    ]


def test_an_unknown_errno_keeps_its_number():
    assert error_name(123_456) == "123456"
