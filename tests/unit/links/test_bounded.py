"""What Toxiproxy refused is told to another process as it was told here."""

from __future__ import annotations

import pickle

from chaos.links.bounded import ApiRefused


def test_a_refusal_survives_the_journey_to_another_process() -> None:
    refusal = pickle.loads(pickle.dumps(ApiRefused("Toxiproxy refused it", status=409, reason="proxy already exists")))
    assert isinstance(refusal, ApiRefused)
    assert (str(refusal), refusal.status, refusal.reason) == ("Toxiproxy refused it", 409, "proxy already exists")
