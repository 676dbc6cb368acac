"""How detection is judged, told, divided and merged; nothing runs here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from chaos.report import CellOutcome, CellRecord
from chaos.report.incident_file import load_incident
from chaos.report.proven import ProvenCell, read_proven, render_proven, shipped_proven
from tests.detection import __main__ as command
from tests.detection.case import Case
from tests.detection.cases import CASES
from tests.detection.cells import cell_keys
from tests.detection.forms import FAMILY_SENTINELS, Form, all_cells, family_of, nodes_for, parse_shard, shard_of
from tests.detection.observed import (
    MOST_CHARACTERS,
    MOST_LINES,
    Observation,
    SeenCell,
    by_name,
    end_of,
    judge,
    read_observations,
    see,
)
from tests.detection.proof import proven_by, unnamed
from tests.detection.table import render_table

CASE = Case(
    defect="waits_for_each",
    caught_by="test_liveness.py::test_heartbeat[silent]",
    finding="pinged_at_period",
    sentinels=("test_liveness.py::test_heartbeat[calm]", "test_latency.py::test_round_trips[calm]"),
    elsewhere={"delivery": "a broadcast waits behind the ping"},
)


def cell(node: str, outcome: str = "held", *findings: str) -> SeenCell:
    name, _, fault = node.partition("::test_")[2].removesuffix("]").partition("[")
    return SeenCell(
        node=node,
        promise=family_of(node),
        scenario=name.replace("_", " "),
        fault="" if fault == "calm" else fault,
        outcome=outcome,
        findings=findings,
    )


def shown(node: str, outcome: str = "held", *findings: str) -> SeenCell:
    """A cell that there is, by the names that it is known by."""
    promise, scenario, fault = cell_keys()[node]
    return SeenCell(node=node, promise=promise, scenario=scenario, fault=fault, outcome=outcome, findings=findings)


CAUGHT = cell(CASE.caught_by, "violated", "pinged_at_period", "undisturbed")
CAUGHT_KEY = (CAUGHT.promise, CAUGHT.scenario, CAUGHT.fault)
OWN, OTHER = (cell(node) for node in CASE.sentinels)
MISSED = cell("test_liveness.py::test_heartbeat[latency]")
ALSO = cell("test_delivery.py::test_slow[calm]", "violated", "delivered_in_sequence")
FALSE = cell("test_cleanup.py::test_ended[reset]", "violated", "released_within")


def seen(*cells: SeenCell) -> Observation:
    return Observation(defect=CASE.defect, runtime="processes", cells=cells)


def test_what_a_table_tells_of_a_defect() -> None:
    judgement = judge(CASE, seen(CAUGHT, OWN, OTHER, MISSED, ALSO))
    assert (judgement.caught_by, judgement.missed_by, judgement.elsewhere) == ((CAUGHT,), (MISSED,), (ALSO,))
    assert judgement.sound
    assert render_table([seen(CAUGHT, OWN, OTHER, MISSED, ALSO)], by_name([CASE])) == [
        "caught  waits_for_each, processes",
        "        caught by    heartbeat[silent] (pinged_at_period, undisturbed)",
        "        not by       heartbeat[latency]",
        "        also seen by delivery: slow[calm] (delivered_in_sequence)",
        "1 runs of defects, 5 cells: 1 caught, 0 not, 0 false alarms",
    ]


@pytest.mark.parametrize(
    ("cells", "alarm"),
    [
        ((CAUGHT, OWN, OTHER, FALSE), FALSE),
        # A sentinel of the catalogue is never excused, whatever its promise.
        ((CAUGHT, replace(OWN, outcome="violated"), OTHER), replace(OWN, outcome="violated")),
        ((CAUGHT, OWN, replace(OTHER, outcome="inconclusive")), replace(OTHER, outcome="inconclusive")),
    ],
)
def test_a_cell_that_cries_wolf_is_always_a_failure(cells: tuple[SeenCell, ...], alarm: SeenCell) -> None:
    judgement = judge(CASE, seen(*cells))
    assert judgement.false_alarms == (alarm,)
    assert not judgement.sound
    table = render_table([seen(*cells)], by_name([CASE]))
    assert table[0] == "WRONG   waits_for_each, processes"
    assert table[-2].startswith("        FALSE ALARM ")
    assert table[-1].endswith("1 caught, 0 not, 1 false alarms")


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ((OWN, OTHER), f"did not run: {CASE.caught_by}"),
        ((CAUGHT, OWN), "did not run: test_latency.py::test_round_trips[calm]"),
        ((replace(CAUGHT, outcome="held"), OWN, OTHER), "not caught: heartbeat[silent] is held"),
        (
            (replace(CAUGHT, findings=("undisturbed",)), OWN, OTHER),
            "caught for another reason: heartbeat[silent] violates undisturbed, not pinged_at_period",
        ),
    ],
)
def test_what_does_not_count_as_caught(cells: tuple[SeenCell, ...], complaint: str) -> None:
    assert judge(CASE, seen(*cells)).complaint == complaint


def test_what_is_proven_is_what_is_named() -> None:
    cells = {CASE.caught_by: CAUGHT_KEY, MISSED.node: ("liveness", "heartbeat", "latency"), OWN.node: ("", "", "")}
    also = replace(CASE, defect="forgets_the_slow", also={MISSED.node: "undisturbed"})
    assert proven_by([CASE, also], (), cells) == (
        ProvenCell("liveness", "heartbeat", "latency", ("forgets_the_slow",)),
        ProvenCell(*CAUGHT_KEY, ("forgets_the_slow", "waits_for_each")),
    )


def test_a_hollow_cell_that_went_red_beside_is_told_and_proves_nothing() -> None:
    red = replace(MISSED, outcome="violated", findings=("undisturbed",))
    found = seen(CAUGHT, red, OWN, OTHER, ALSO)
    assert list(unnamed([found], by_name([CASE]), proven={CAUGHT_KEY})) == [
        f"waits_for_each, processes: {MISSED.node} violates undisturbed"
    ]
    assert list(unnamed([found], by_name([CASE]), proven={CAUGHT_KEY, ("liveness", "heartbeat", "latency")})) == []
    assert list(unnamed([seen(red, OWN, OTHER)], by_name([CASE]), proven={CAUGHT_KEY})) == [], "it was not caught"


def test_shards_are_merged_and_the_later_word_counts(tmp_path: Path) -> None:
    early, late = tmp_path / "1.ndjson", tmp_path / "2.ndjson"
    early.write_text(seen(OWN, OTHER).to_json() + "\n", encoding="utf-8")
    other = replace(seen(CAUGHT), runtime="containers")
    late.write_text(f"{seen(CAUGHT, OWN, OTHER).to_json()}\n{other.to_json()}\n", encoding="utf-8")
    assert read_observations([early, late]) == (other, seen(CAUGHT, OWN, OTHER))
    late.write_text("{}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"2\.ndjson, line 1: no result of detection: '\{\}'$"):
        read_observations([early, late])


def test_the_command_prints_a_table_and_writes_what_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[0]
    caught = shown(case.caught_by, "violated", case.finding)
    also = [shown(node, "violated", finding) for node, finding in case.also.items()]
    found = Observation(defect=case.defect, runtime="processes", cells=(caught, *also, *map(shown, case.sentinels)))
    part, proven = tmp_path / "part.ndjson", tmp_path / "proven.toml"
    part.write_text(found.to_json(), encoding="utf-8")
    proven.write_text(render_proven([ProvenCell("gone", "a scenario that is gone", "", (case.defect,))]))
    monkeypatch.setattr(command, "SHIPPED", proven)
    assert command.main([str(part)]) == 0
    assert [cell.promise for cell in read_proven(proven)] == ["gone"], "it was not asked to write"
    assert f"caught  {case.defect}, processes" in capsys.readouterr().out
    assert command.main(["--write-proven"]) == 0
    assert read_proven(proven) == shipped_proven()
    part.write_text("[]", encoding="utf-8")
    assert command.main([str(part)]) == 2
    assert capsys.readouterr().err == f"detection: {part}, line 1: no result of detection: '[]'\n"
    with pytest.raises(SystemExit, match="2"):
        command.main([])
    assert capsys.readouterr().err.endswith("error: nothing to do: name FILEs, or --write-proven\n")


def test_what_incidents_are_red_in_is_proven_by_their_files() -> None:
    incidents = [load_incident(folder) for folder in command.INCIDENTS]
    proven = proven_by((), incidents, cell_keys())
    assert {cell.key for cell in proven} == {
        key for incident in incidents for key in (cell_keys()[told.cell] for told in incident.red)
    }
    assert {by for cell in proven for by in cell.by} == {f"incident {each.name}" for each in incidents}


def record(node: str, outcome: CellOutcome = CellOutcome.HELD) -> CellRecord:
    promise, scenario, fault = family_of(node), "a scenario", "a fault"
    return CellRecord(slug="", node=f"tests/scenarios/{node}", promise=promise, scenario=scenario, fault=fault,
                      outcome=outcome)  # fmt: skip


@pytest.mark.parametrize("missing", [CASE.caught_by, *CASE.sentinels])
def test_the_words_of_a_run_are_kept_where_a_cell_is_not_decided(missing: str) -> None:
    """They alone say why; where all are decided they are what every run says."""
    asked = (CASE.caught_by, *CASE.sentinels)
    assert see(CASE, "processes", map(record, asked), said="all is well").said == ""
    others = [record(node) for node in asked if node != missing]
    not_decided = [record(missing, outcome) for outcome in (CellOutcome.SKIPPED, CellOutcome.INCONCLUSIVE)]
    for cells in ([], others, *([*others, each] for each in not_decided)):
        assert see(CASE, "processes", cells, said="\nno server\n").said == "no server"


def test_the_words_of_a_run_stand_beside_its_results() -> None:
    observation = see(CASE, "processes", [], said="no server: é")
    assert Observation.from_json(observation.to_json()) == observation
    earlier = observation.to_json().replace(', "said": "no server: é"', "")
    assert Observation.from_json(earlier) == replace(observation, said="")


def test_of_many_words_the_last_are_kept() -> None:
    many = [str(number) for number in range(MOST_LINES + 5)]
    assert end_of("\n".join(many)).splitlines() == ["... 5 lines before that", *many[5:]]
    assert end_of("x" * (MOST_CHARACTERS + 5)) == "x" * MOST_CHARACTERS
    assert end_of("first\nlast\n") == "first\nlast"


def test_each_cell_that_nothing_else_turns_red_has_to_be_red() -> None:
    """Or a cell would be hollow again, and the defect would count as caught all the same."""
    case = replace(CASE, also={MISSED.node: "undisturbed"})
    red = replace(MISSED, outcome="violated", findings=("undisturbed",))
    assert judge(case, seen(CAUGHT, red, OWN, OTHER)).sound
    assert judge(case, seen(CAUGHT, OWN, OTHER)).complaint == f"did not run: {MISSED.node}"
    assert judge(case, seen(CAUGHT, MISSED, OWN, OTHER)).complaint == "not caught: heartbeat[latency] is held"
    other = replace(red, findings=("pinged_at_period",))
    assert judge(case, seen(CAUGHT, other, OWN, OTHER)).complaint == (
        "caught for another reason: heartbeat[latency] violates pinged_at_period, not undisturbed"
    )
    assert judge(case, replace(seen(CAUGHT, OWN, OTHER), runtime="containers")).sound, "one is enough there"


def test_shards_share_the_defects_out_by_name() -> None:
    names = [case.defect for case in CASES]
    shards = [shard_of(names[::-1], (number, 4)) for number in range(1, 5)]
    assert sorted(name for shard in shards for name in shard) == sorted(names)
    assert shards == [shard_of(names, (number, 4)) for number in range(1, 5)], "whatever the catalogue's order"
    assert max(map(len, shards)) - min(map(len, shards)) <= 1
    assert parse_shard("2/4") == (2, 4)


@pytest.mark.parametrize("text", ["0/4", "5/4", "2", "a/b", "2/"])
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(ValueError, match=r"^a shard is given as NUMBER/OF, for instance 2/4; found '"):
        parse_shard(text)


def test_each_form_asks_for_what_it_says() -> None:
    cells = all_cells()
    named = (CASE.caught_by, *CASE.sentinels)
    assert nodes_for(CASE, Form.NARROW, runtime="processes", cells=cells) == named
    wide = nodes_for(CASE, Form.WIDE, runtime="processes", cells=cells)
    assert {each for each in cells if family_of(each) == "liveness"} <= set(wide)
    assert {family_of(each) for each in wide} == {"liveness", *FAMILY_SENTINELS}
    assert set(nodes_for(CASE, Form.CROSS, runtime="processes", cells=cells)) == {*cells, *named}
    for form in Form:
        assert nodes_for(CASE, form, runtime="containers", cells=cells) == named
    also = replace(CASE, also={MISSED.node: "undisturbed"})
    assert nodes_for(also, Form.NARROW, runtime="processes", cells=()) == (
        CASE.caught_by,
        MISSED.node,
        *CASE.sentinels,
    )
    assert nodes_for(also, Form.NARROW, runtime="containers", cells=()) == named


def test_a_promise_has_a_sentinel_or_a_reason() -> None:
    cells = all_cells()
    assert set(FAMILY_SENTINELS.values()) <= set(cells)
    assert {family_of(each) for each in cells} - set(FAMILY_SENTINELS) == {"leak_free"}
    for family, sentinel in FAMILY_SENTINELS.items():
        assert family_of(sentinel) == family
