"""Every mistake of a file comes in one error, in the order of the file."""

# ruff: noqa: E501 - messages stand here as they are printed

from __future__ import annotations

from pathlib import Path

from tests.unit.target_file.writing import complaint, write


def test_an_empty_file_lists_what_has_to_be_there(tmp_path: Path) -> None:
    said = complaint(write(tmp_path, ""))
    assert said.splitlines()[0] == "FILE has 3 mistakes:"
    assert [line for line in said.splitlines() if line.startswith("FILE: ")] == [
        "FILE: name is missing: Lower case, for file names.",
        "FILE: start is missing: How the server is started. Several ways may be given; the runtime takes the one it can use.",
        "FILE: endpoints is missing: Where the server's WebSocket endpoints are, by the part they play. Only `echo` has to be there.",
    ]


def test_all_mistakes_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """Those of single keys and those between keys, whatever order the checks have."""
    path = write(
        tmp_path,
        """\
        [promises.liveness]
        heartbeat_timeout = "1s"
        [promises.latency]
        p99 = "fast"
        worst = "1s"
        [endpoints.echo]
        path = "/ws"
        expect = "("
        [start]
        port = 0
        image = "x"
        """,
    )
    said = complaint(path)
    assert said.splitlines()[0] == "FILE has 6 mistakes:"
    assert [line.split(" ")[:2] for line in said.splitlines() if line.startswith("FILE:")] == [
        ["FILE:", "name"],
        ["FILE:2:", "promises.liveness.heartbeat_timeout"],
        ["FILE:4:", "promises.latency.p99"],
        ["FILE:5:", "promises.latency.worst"],
        ["FILE:8:", "endpoints.echo.expect"],
        ["FILE:10:", "start.port"],
    ]
