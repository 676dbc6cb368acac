"""Whose resets the kernel has counted, told by which ends are left."""

from __future__ import annotations

from chaos.faults.kernel_resets import Ends, Key

SERVER, LINK = ("10.0.0.1", 8765), ("10.0.0.1", 8700)


def through_the_link(number: int) -> tuple[Key, set[Key]]:
    """The server's end of a connection, and the three others: the proxy's two and the client's."""
    proxy, client = ("10.0.0.1", 40_000 + number), ("10.0.0.1", 50_000 + number)
    return (SERVER, proxy), {(proxy, SERVER), (LINK, client), (client, LINK)}


VICTIMS = [through_the_link(number) for number in range(3)]
CLIENT = ("10.0.0.1", 60_000)
SERVED, BYSTANDER = (SERVER, CLIENT), (CLIENT, SERVER)
"""The two ends of a connection that is no victim's."""


def ends(server: set[Key], others: set[Key], *, resets: int, waiting: set[Key] | None = None) -> Ends:
    return Ends(
        server=frozenset(server),
        others=frozenset(others),
        present=frozenset(server | others | (waiting or set())),
        resets=resets,
    )


BEFORE = ends(
    {SERVED, *(end for end, _ in VICTIMS)}, {BYSTANDER, *(end for _, others in VICTIMS for end in others)}, resets=7
)
OF_ALL = 7 + 4 * len(VICTIMS)


def test_each_end_of_a_connection_that_is_reset_is_counted_once() -> None:
    assert BEFORE.server_resets(ends({SERVED}, {BYSTANDER}, resets=OF_ALL)) == 3


def test_a_bystander_that_is_closed_meanwhile_is_none_of_them() -> None:
    """The canary is closed at its maximum age: whoever sends the first FIN keeps a TIME_WAIT, the other end is gone."""
    by_the_server = ends(set(), set(), resets=OF_ALL, waiting={SERVED})
    by_the_client = ends(set(), set(), resets=OF_ALL, waiting={BYSTANDER})
    assert BEFORE.server_resets(by_the_server) == 3
    assert BEFORE.server_resets(by_the_client) == 3


def test_ends_that_were_told_by_fin_are_not_reset() -> None:
    told = {end for end, _ in VICTIMS}
    assert BEFORE.server_resets(ends({SERVED}, {BYSTANDER}, resets=7, waiting=told)) == 0


def test_a_bystander_that_is_reset_itself_is_no_victim() -> None:
    """Its own two ends were counted, and the victims were told by FIN."""
    victims = BEFORE.only(end for end, _ in VICTIMS)
    told = {end for server, others in VICTIMS for end in (server, *others)}
    assert BEFORE.server_resets(ends(set(), set(), resets=7 + 2, waiting=told)) == 1
    assert victims.server_resets(ends(set(), set(), resets=7 + 2, waiting=told)) == 0
    assert victims.server_resets(ends(set(), set(), resets=OF_ALL + 2)) == 3


def test_where_nobody_knows_who_was_counted_it_is_taken_for_another() -> None:
    """One victim's client has crashed: its end, and the proxy's towards it, may be what was counted."""
    assert BEFORE.server_resets(ends({SERVED, VICTIMS[0][0]}, {BYSTANDER}, resets=7 + 2)) == 0
