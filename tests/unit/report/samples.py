"""A made-up run with real journals: what the report's tests read, and what a designer looks at.

The numbers are invented, the shapes are those of real runs: a server with forty clients, one fault, dead peers that
are found late, a canary that feels the latency.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from chaos.journal import (
    Attempt,
    Beat,
    Bite,
    Call,
    Ended,
    Event,
    Evidence,
    FindingMade,
    Healing,
    HealingState,
    Hit,
    Injected,
    JournalWriter,
    Note,
    Outcome,
    Phase,
    PhaseEntered,
    Receipt,
    Sample,
    ServerEvent,
    Source,
    Statistics,
    VerdictGiven,
)
from chaos.report import Run, create_run

CLIENTS = 40
VICTIMS = 10
START = 1000.0
"""Seconds monotonic at which every cell begins."""
INJECTED, FOUND, HEALED, END = 1.5, 2.7, 3.6, 5.0
"""Seconds from the start of a cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one sample cell should look like."""

    promise: str
    scenario: str
    fault: str = ""
    family: str = ""
    outcome: str = "held"
    figure: str = ""
    detail: str = ""
    observed: str = "every dead connection was released after 812ms at most"
    promised: str = "released within 900ms (interval + timeout + sweep)"
    expects: str = "A peer that vanished is found, and what it held is given back."

    @property
    def node(self) -> str:
        words = self.scenario.replace(" ", "_")
        return f"tests/scenarios/test_{self.promise}.py::test_{words}" + (f"[{self.fault}]" if self.fault else "")


CELLS = (
    Cell(promise="establishment", scenario="sequential", figure="1.2ms"),
    Cell(promise="establishment", scenario="sequential", fault="latency", family="network", figure="52ms"),
    Cell(promise="establishment", scenario="simultaneous", figure="10/10"),
    Cell(
        promise="establishment",
        scenario="simultaneous",
        fault="latency",
        family="network",
        outcome="violated",
        figure="0/10",
        observed="0 of 10 clients were open at once; 9 timed out in the handshake after 2s",
        promised="10 simultaneous connections, all open within 2s",
        expects="Ten clients that connect at the same moment are all served, at the same time.",
    ),
    Cell(promise="establishment", scenario="ramp 10-50-100", figure="100/100"),
    Cell(promise="rejection", scenario="graceful beyond the limit", fault="burst", family="crowd", figure="31ms"),
    Cell(promise="liveness", scenario="heartbeat at the declared period", figure="302ms"),
    Cell(promise="liveness", scenario="heartbeat at the declared period", fault="latency", family="network"),
    Cell(promise="liveness", scenario="a slow peer is not cut", fault="latency", family="network", figure="0 cut"),
    *(
        Cell(promise="cleanup", scenario="dead peers are found", fault=fault, family=family, figure=figure)
        for fault, family, figure in (
            ("reset", "network", "41ms"),
            ("half_open", "network", "812ms"),
            ("vanished", "kernel", "835ms"),
            ("client_rst", "client", "12ms"),
            ("client_fin", "client", "14ms"),
            ("client_killed", "client", "15ms"),
            ("silent_client", "client", "790ms"),
        )
    ),
    Cell(
        promise="cleanup",
        scenario="dead peers are found",
        fault="stalled_reader",
        family="client",
        outcome="violated",
        figure="4/10 kept",
        observed="4 of 10 stalled connections were still held 1.8s after they stopped reading",
    ),
    Cell(
        promise="leak_free",
        scenario="fds and memory per connection",
        fault="client_rst",
        family="client",
        outcome="inconclusive",
        figure="±9kB",
        detail="after 40 rounds the interval [-2kB, 7kB] still crosses the margin of 4kB",
        observed="memory kept per connection between -2kB and 7kB (95 %, 40 rounds)",
        promised="at most 4kB kept per connection",
    ),
    Cell(promise="breaker", scenario="opens and closes", fault="upstream_down", family="upstream", figure="5 → open"),
    Cell(
        promise="breaker",
        scenario="cached answers while open",
        fault="upstream_down",
        family="upstream",
        figure="2.1ms",
    ),
    Cell(
        promise="delivery",
        scenario="slow consumer hurts only itself",
        fault="stalled_reader",
        family="client",
        figure="1.0s",
    ),
    Cell(promise="closing", scenario="graceful shutdown", figure="140ms"),
    Cell(promise="closing", scenario="graceful shutdown", fault="stalled_reader", family="client", figure="610ms"),
    *(
        Cell(promise="recovery", scenario="everybody is served again", fault=fault, family=family, figure=figure)
        for fault, family, figure in (
            ("down", "network", "210ms"),
            ("server_sigkill", "server", "1.1s"),
            ("server_sigstop", "server", "88ms"),
        )
    ),
    Cell(
        promise="recovery",
        scenario="everybody is served again",
        fault="partition",
        family="kernel",
        outcome="skipped",
        detail="needs kernel rules: nft is not installed; apt-get install nftables",
    ),
)


def make_run(state: Path, cells: Iterable[Cell] = CELLS, *, finish: bool = True) -> Run:
    """A run of the reference target with every sample cell in it."""
    run = create_run(
        state,
        target="reference",
        target_file="targets/reference/target.toml",
        runtime="processes",
        runtime_reason="no container engine answers",
        seed=20250131,
        versions={"python": "3.11.2", "toxiproxy": "embedded", "websockets": "15.0"},
        argv=("-m", "chaos"),
    )
    for cell in cells:
        write_cell(run, cell)
    return run.finish(exit_code=1) if finish else run


def write_cell(run: Run, cell: Cell) -> Path:
    """The journals of one cell, from three processes."""
    directory = run.new_cell(cell.node)
    for role, events in (("agent", _samples(cell)), ("crowd", _clients(cell)), ("conductor", _conducted(cell))):
        if cell.outcome != "skipped":
            _write(run, directory, role, events)
    _write(run, directory, "pytest", _judged(cell))
    return directory


def _write(run: Run, directory: Path, role: str, events: Iterable[Event]) -> None:
    with JournalWriter(directory, role=role, run=run.id, cell=directory.name) as journal:
        for event in events:
            journal.write(event)


def _samples(cell: Cell) -> list[Event]:
    """The server's kernel: it holds everyone until the dead are found; a violated cell keeps some."""
    kept = 4 if cell.outcome == "violated" else 0
    noise = random.Random(cell.node)
    events: list[Event] = []
    for step in range(int(END / 0.05)):
        at = step * 0.05
        held = min(CLIENTS, int(at * 80))
        if cell.fault and at > FOUND:
            held = CLIENTS - VICTIMS + kept
        if cell.fault and at > HEALED + 0.4:
            held = CLIENTS + kept
        sockets = {"ESTABLISHED": held, "TIME_WAIT": 3}
        memory = 61_000_000 + noise.randrange(400_000)
        sample = Sample(at=START + at, took=0.002, sockets=sockets, processes=1, fds=held + 12, threads=2, rss=memory)
        events.append(sample)
    return events


def _clients(cell: Cell) -> list[Event]:
    events: list[Event] = []
    for client in range(CLIENTS):
        began = START + client / 80
        opened = Attempt(
            at=began + 0.012,
            crowd="steady" if client >= VICTIMS else "victims",
            client=client,
            outcome=Outcome.OPEN,
            phase="first_message",
            began=began,
            tcp=0.001,
            handshake=0.006,
            first_message=0.012,
            status=101,
        )
        events.append(opened)
    if cell.fault:
        for client in range(VICTIMS):
            at = START + FOUND - 0.2 + client * 0.02
            events.append(Ended(at=at, crowd="victims", client=client, by="server", how="reset"))
    if cell.outcome == "violated":
        for client in range(3):
            at = START + 3.0 + client * 0.05
            events.append(
                Attempt(
                    at=at,
                    crowd="late",
                    client=client,
                    outcome=Outcome.TIMEOUT,
                    phase="handshake",
                    began=at - 0.5,
                    tcp=0.001,
                )
            )
    return events


def _conducted(cell: Cell) -> list[Event]:
    events: list[Event] = [PhaseEntered(at=START, phase=Phase.STEADY)]
    for step in range(int(END / 0.1)):
        at = step * 0.1
        disturbed = cell.fault == "latency" and INJECTED < at < HEALED
        round_trip = 0.0011 + (0.05 if disturbed else 0) + 0.0004 * abs(math.sin(at * 7))
        lost = cell.fault in ("down", "server_sigkill") and INJECTED < at < HEALED
        events.append(Beat(at=START + at, ok=not lost, round_trip=round_trip, lateness=0.0002))
    for step in range(1, int(END / 0.5)):
        at = step * 0.5
        state = "open" if cell.fault == "upstream_down" and INJECTED < at < HEALED else "closed"
        behind = 4.0 if cell.outcome == "violated" and at > FOUND else 0.0
        told: dict[str, float | str] = {"connections": 40.0 - behind, "upstream_breaker": state}
        events.append(Statistics(at=START + at, values=told))
    if cell.promise == "breaker":
        for step in range(40):
            at = step * 0.12
            broken = INJECTED < at < HEALED
            source = (Source.CACHED if step % 9 else Source.NONE) if broken else Source.LIVE
            events.append(Call(at=START + at, began=START + at - 0.002, source=source))
            if not broken:
                events.append(Hit(at=START + at - 0.001, path="/data", status=200))
    if cell.fault:
        events += [
            PhaseEntered(at=START + INJECTED - 0.01, phase=Phase.FAULT),
            Injected(
                at=START + INJECTED,
                fault=cell.fault,
                description=f"{cell.fault} on {VICTIMS} of {CLIENTS}",
                cannot="what a network card does when its cable is cut",
            ),
            Receipt(
                at=START + INJECTED + 0.12,
                fault=cell.fault,
                bite=Bite.UNKNOWN if cell.outcome == "inconclusive" else Bite.BIT,
                covered=VICTIMS,
                total=VICTIMS,
                since=START + INJECTED + 0.02,
                evidence=(Evidence(what="round trip, s", side="client", before="0.0011", during="0.0521"),),
            ),
            PhaseEntered(at=START + HEALED, phase=Phase.RECOVERY),
            Healing(at=START + HEALED + 0.1, fault=cell.fault, state=HealingState.HEALED, since=START + HEALED),
        ]
    if cell.fault == "server_sigkill":
        events.append(ServerEvent(at=START + INJECTED, what="killed", pid=4711, exit_code=-9))
        events.append(ServerEvent(at=START + HEALED, what="started", pid=4712))
    events.append(Note(at=START + END - 0.1, text="crowd of 40 closed"))
    return sorted(events, key=lambda event: event.at)


def _judged(cell: Cell) -> list[Event]:
    events: list[Event] = []
    if cell.outcome != "skipped":
        events.append(
            FindingMade(
                at=START + END,
                expectation="released_within",
                verdict=cell.outcome,
                observed=cell.observed,
                promised=cell.promised,
                figure=cell.figure,
                evidence=("connection 127.0.0.1:40112: ESTABLISHED at the end",) if cell.outcome == "violated" else (),
            )
        )
        if cell.outcome == "violated":
            events.append(
                FindingMade(
                    at=START + END,
                    expectation="canary_unharmed",
                    verdict="held",
                    observed="50 of 50 exchanges answered, p99 1.5ms",
                    promised="the others notice nothing",
                )
            )
    events.append(
        VerdictGiven(
            at=START + END,
            outcome=cell.outcome,
            promise=cell.promise,
            scenario=cell.scenario,
            fault=cell.fault,
            fault_family=cell.family,
            node=cell.node,
            detail=cell.detail,
            figure=cell.figure,
            seconds=END,
            expects=cell.expects,
        )
    )
    return events
