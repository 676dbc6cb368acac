"""What the embedded proxy does otherwise than Toxiproxy 2.12.0, on purpose, and why.

Everything not in this table is the same. Each row is shown on both servers by the test of its name, in
`test_differences_of_connections.py` or `test_differences_of_the_process.py`.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["DIFFERENCES", "Difference"]


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference."""

    name: str
    """The test's name, without `test_`."""
    toxiproxy: str
    embedded: str
    reason: str


DIFFERENCES = (
    # How connections end
    Difference(
        "a_reset_passes",
        "An RST from either side leaves as FIN on the other.",
        "It leaves as RST, at once where no toxic holds the stream, also past a peer that does not read.",
        "A client's crash must not look like a clean close to the server under test.",
    ),
    Difference(
        "a_half_close_passes",
        "FIN from one side closes both sockets of the other.",
        "FIN leaves as FIN; the other direction goes on until it ends by itself.",
        "TCP has half-close, and a server's answer to it is worth testing.",
    ),
    Difference(
        "reset_peer_resets_established_connections",
        "On a connection older than the toxic it sends FIN: SO_LINGER is set only when a link starts.",
        "It sends RST to both sides, always.",
        "It is what the toxic is named for.",
    ),
    Difference(
        "reset_peer_leaves_other_ends_alone",
        "Every close of a connection that started under reset_peer is an RST, whatever its toxicity.",
        "Only the toxic resets.",
        "A fault with toxicity 0 must not change anything.",
    ),
    Difference(
        "reset_peer_can_be_called_off",
        "While it waits for its timeout, a request to remove it waits as well, and then the reset happens.",
        "It is removed at once; the connection lives, nothing is lost.",
        "Healing must heal.",
    ),
    Difference(
        "a_half_open_connection_ends_when_its_server_gives_up",
        "A connection whose client is gone is kept for as long as slow_close says, also after the server closed it.",
        "Once the server closes or resets what is left of it, it is over.",
        "With the long delays that make a connection half-open, sockets of dead connections would pile up.",
    ),
    Difference(
        "timeout_removed_spares_whom_it_did_not_touch",
        "Removing a timeout toxic closes every connection, also those it was not drawn for.",
        "It closes those it acted on: only they lack bytes.",
        "Clients that are to notice nothing of a fault must not be cut by its healing.",
    ),
    Difference(
        "no_keepalive_probes",
        "Both sockets send TCP keepalive probes after 15 s without traffic (Go's default).",
        "None.",
        "The probes find a vanished client in the server's place: a server that would never notice passes the test.",
    ),
    # Toxics
    Difference(
        "removing_a_toxic_before_a_stalled_receiver",
        "While a receiver does not read, so that chunks wait for it, the request to remove a toxic gets no answer "
        "(503 after 25 s), and after that the proxy answers no more.",
        "The toxic is gone when the answer comes; what it held has been sent on, in order.",
        "Healing must heal.",
    ),
    Difference(
        "an_update_counts_from_arrival",
        "The chunk a toxic has in hand goes on at once when the toxic is changed, whatever the new settings.",
        "The new settings apply to it, counted from its arrival.",
        "A delay raised from 10 to 20 s must not deliver at once.",
    ),
    Difference(
        "two_latencies_add_up",
        "For chunks that queue, two latency toxics delay by less than their sum: the time of waiting counts twice.",
        "They add up.",
        "Two links in a row are as slow as both.",
    ),
    Difference(
        "settings_that_kill",
        "A slicer without average_size or with a variation larger than the pieces, a negative bandwidth and an "
        "enormous jitter end the process at the first byte.",
        "Nothing is cut (no size), a variation is bounded by the piece, a negative rate is 0, a jitter may be large.",
        "One client's typing error must not end everybody's experiment.",
    ),
    Difference(
        "a_raised_rate_kills",
        "A PATCH that raises the rate of a bandwidth toxic by which data waits ends the process, now and then.",
        "The data goes on at the new rate.",
        "Letting go is what happens at the end of every experiment.",
    ),
    Difference(
        "a_refused_change_changes_nothing",
        "A PATCH of a toxic that is refused with 400 has changed the attributes that came before the bad one.",
        "It has changed nothing.",
        "400 says so.",
    ),
    Difference(
        "randomness_is_seeded",
        "-seed does nothing.",
        "--seed makes the draws of toxicity, jitter and cuts a function of proxy, connection number and toxic.",
        "A failure must be replayable.",
    ),
    # Accepting and dialling
    Difference(
        "a_hanging_dial_hangs_nobody_else",
        "Upstreams are dialled inside the accept loop: one dial that hangs holds up all new connections of the "
        "proxy, and the requests that disable or delete it.",
        "Each dial is on its own, and ends with the proxy.",
        "A black-holed upstream is a fault one wants to heal.",
    ),
    Difference(
        "running_out_of_file_descriptors",
        "The accept loop ends at the first EMFILE, silently; clients then hang in the backlog for ever.",
        "It pauses for 0.1 s and goes on.",
        "The fault would outlive its cause.",
    ),
    # The HTTP API and the process
    Difference(
        "connections_are_told",
        "404.",
        "GET /connections and /connections/{proxy}[?after=NUMBER]: addresses on all four ends, bytes, toxics drawn, "
        "and every FIN and RST with side and monotonic time; all open connections and the last 1,000 ended ones.",
        "Evidence that a fault bit, and which of the server's sockets belongs to which client. An extension.",
    ),
    Difference(
        "a_client_that_half_closes_is_answered",
        "A request whose client has half-closed gets an answer, or 503 without a body: it is a race.",
        "It is answered.",
        "Nothing is gained by the race.",
    ),
    Difference(
        "long_answers_have_a_length",
        "Answers over 2,048 bytes are sent in chunks.",
        "Every answer has a Content-Length.",
        "It is simpler, and clients cannot tell.",
    ),
    Difference(
        "deep_json_is_refused",
        "JSON may be nested 10,000 levels deep.",
        "500; then it is `exceeded max depth`, as with them beyond theirs.",
        "Python's decoder has a stack. Nothing in the API is nested more than three levels deep.",
    ),
    Difference(
        "exotic_targets",
        "CONNECT and the HTTP/2 preface are answered with redirects, by an accident of the router.",
        "400 and 505.",
        "No client of the API sends them.",
    ),
    Difference(
        "a_name_that_does_not_resolve",
        "The error names the resolver: `lookup NAME on ADDRESS:53: no such host`.",
        "`lookup NAME: no such host`.",
        "Python does not know which resolver said so.",
    ),
    Difference(
        "a_bad_configuration_file_ends_the_process",
        "It is logged, and the server runs without proxies.",
        "One line on standard error, exit code 2.",
        "A test would run without its proxies and report something else.",
    ),
    Difference(
        "a_taken_port_ends_the_process",
        "It is logged, and the process runs on without an API.",
        "One line on standard error, exit code 2.",
        "A parent would wait for ever, or talk to somebody else's server.",
    ),
    Difference(
        "metrics_of_the_go_runtime",
        "-runtime-metrics serves go_* besides process_*.",
        "process_* only.",
        "There is no Go runtime.",
    ),
)
