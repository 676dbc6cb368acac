"""What an experiment needs, what there is, and the sentence for what is missing."""

from __future__ import annotations

from chaos.capability import Availability, Capability, missing

NFT = Availability.no("nft is not installed", remedy="apt-get install nftables")


def test_nothing_is_missing_where_everything_is_there() -> None:
    given = {Capability.LINK: Availability.yes(), Capability.SIGNALS: Availability.yes()}
    assert missing([Capability.LINK, Capability.SIGNALS], given) is None
    assert missing([], {}) is None


def test_what_is_missing_is_said_with_reason_and_remedy() -> None:
    given = {Capability.LINK: Availability.yes(), Capability.KERNEL_RULES: NFT}
    assert missing([Capability.LINK, Capability.KERNEL_RULES], given) == (
        "needs kernel rules: nft is not installed; apt-get install nftables"
    )


def test_what_a_deployment_does_not_mention_is_missing() -> None:
    assert missing([Capability.TCP_TRUE], {}) == "needs a TCP-true path, which this runtime does not offer"


def test_the_first_need_that_is_not_met_speaks() -> None:
    given = {Capability.KERNEL_RULES: NFT}
    assert missing([Capability.RESTART, Capability.KERNEL_RULES], given) == (
        "needs restarting the server, which this runtime does not offer"
    )
