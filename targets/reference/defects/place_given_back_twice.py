"""Gives a place back when the client begins to leave, and again when it has left.

Breaks rejection: the books say fewer than there are, by one or two for each client that was ever there. A fresh server
keeps its limit; one that has seen some coming and going lets in as many again.
"""

from __future__ import annotations

from reference_server.admission import Place
from reference_server.parts import Parts

DESCRIPTION = "each place is given back more than once, so after some coming and going too many are let in"


def install(parts: Parts) -> None:
    """Forget that it has been given back."""
    give_back_once = Place.give_back

    def give_back(self: Place) -> None:
        back = self._give_back
        give_back_once(self)
        self._give_back = back

    Place.give_back = give_back  # type: ignore[method-assign]  # a defect replaces a method
