"""The report as a page: whole, self-contained, safe, and readable without colours or a script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chaos.errors import JournalError
from chaos.report import CellOutcome, Run, build_matrix, read_cells, write_html
from chaos.report.html import render_html
from chaos.report.proven import ProvenCell, keep_proven, proven_for

from .samples import CELLS, Cell, make_run

VOID = {"meta", "link", "br", "img", "hr", "input"}
EVIL = '</script><script>alert("x")</script><img src=x onerror=alert(1)>'


@dataclass(slots=True)
class Element:
    name: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def all(self, name: str = "", **attributes: str) -> Iterator[Element]:
        """Every element beneath it with this name and these attributes (`class_` holds if it is among them)."""
        for child in self.children:
            if isinstance(child, Element):
                if name in ("", child.name) and all(
                    value in child.attributes.get("class", "").split()
                    if key == "class_"
                    else child.attributes.get(key) == value
                    for key, value in attributes.items()
                ):
                    yield child
                yield from child.all(name, **attributes)

    @property
    def text(self) -> str:
        return " ".join(
            "".join(child if isinstance(child, str) else f" {child.text} " for child in self.children).split()
        )


class Page(HTMLParser):
    """A strict reader: everything that is opened is closed, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = Element("", {})
        self._open = [self.root]
        self.feed(text)
        self.close()
        assert self._open == [self.root], f"not closed: {[element.name for element in self._open]}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].name == tag, f"</{tag}> closes <{self._open[-1].name}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


@pytest.fixture(scope="module")
def text(sample_run: Run) -> str:
    return render_html(sample_run)


@pytest.fixture(scope="module")
def page(text: str) -> Element:
    return Page(text).root


def test_it_needs_nothing_from_anywhere(text: str, page: Element) -> None:
    assert not re.findall(r"https?://|//[a-z]|@import|url\((?!#)", re.sub(r"(?m)^//.*$", "", text))
    assert not list(page.all("link"))
    assert not [element for element in page.all() if "src" in element.attributes]


def test_every_cell_of_the_matrix_leads_to_its_story(sample_run: Run, page: Element) -> None:
    targets = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert len(targets) == len(set(targets))
    links = list(page.all("a", class_="cell"))
    assert len(links) == len(CELLS)
    for link in links:
        assert link.attributes["href"].removeprefix("#") in targets
    stories = {element.attributes["id"] for element in page.all("details", class_="story")}
    judged = [cell for cell in read_cells(sample_run) if cell.outcome is not CellOutcome.SKIPPED]
    assert stories == {f"cell-{cell.slug}" for cell in judged}


def test_a_held_cell_is_hollow_unless_it_has_been_seen_red(state: Path) -> None:
    run = make_run(state, CELLS)
    held = [cell for cell in read_cells(run) if cell.outcome is CellOutcome.HELD]
    proven = held[0]
    keep_proven(run, [ProvenCell(proven.promise, proven.scenario, proven.fault, ("a_defect",))])
    root = Page(render_html(run)).root
    hollow = [link for link in root.all("a", class_="cell") if "hollow" in link.attributes["class"].split()]
    solid = [cell for cell in held if (cell.promise, cell.scenario, cell.fault) in proven_for(run)]
    assert proven in solid
    assert len(hollow) == len(held) - len(solid)
    (legend,) = root.all("p", class_="legend")
    assert f"{len(solid)} of {len(held)} held are proven" in legend.text


def test_rows_of_what_is_not_declared_are_there_and_folded(state: Path, page: Element) -> None:
    undeclared = Cell(
        promise="observability",
        scenario="messages are counted",
        outcome="skipped",
        detail="the contract declares no promises.observability.counted_within",
    )
    root = Page(render_html(make_run(state, [*CELLS, undeclared]))).root
    folded = [row.text for row in root.all("tr", class_="undeclared")]
    assert [text.partition(" -")[0] for text in folded] == ["observability", "messages are counted"]
    (label,) = root.all("label")
    assert label.text == "also what reference does not declare (1 row)"
    assert not list(page.all("input")), "where all is declared there is nothing to unfold"


def test_without_faults_nothing_is_said_to_be_proven(state: Path) -> None:
    run = make_run(state, CELLS)
    calm = replace(run, header=replace(run.header, options=("--chaos-dry=no-faults",)))
    (legend,) = Page(render_html(calm)).root.all("p", class_="legend")
    assert "proven" not in legend.text
    assert "without faults: what held here held in calm" in legend.text


def test_the_outcome_is_told_without_colour(page: Element) -> None:
    signs = {"held": "✓", "violated": "✗", "inconclusive": "?", "skipped": "-"}
    for link in page.all("a", class_="cell"):
        outcome, *hollow = link.attributes["class"].split()[1:]
        assert link.text.startswith("○" if hollow else signs[outcome])
        assert f": {outcome}" in link.attributes["aria-label"]
        assert bool(hollow) == (", never seen red" in link.attributes["aria-label"])
    for badge in page.all("span", class_="badge"):
        outcome = badge.attributes["class"].split()[1]
        assert badge.text == f"{signs[outcome]} {outcome}"


def test_what_did_not_hold_is_open_and_comes_first(page: Element) -> None:
    stories = list(page.all("details", class_="story"))
    outcomes = [story.attributes["class"].split()[1] for story in stories]
    assert outcomes == ["violated", "violated", "inconclusive"] + ["held"] * 23
    assert ["open" in story.attributes for story in stories] == [True] * 3 + [False] * 23


def test_a_story_tells_everything(sample_run: Run, page: Element) -> None:
    slug = "cleanup-dead_peers_are_found-stalled_reader"
    (story,) = page.all("details", id=f"cell-{slug}")
    for words in (
        "A peer that vanished is found, and what it held is given back.",
        "4 of 10 stalled connections were still held 1.8s after they stopped reading",
        "released within 900ms (interval + timeout + sweep)",
        "connection 127.0.0.1:40112: ESTABLISHED at the end",
        "canary_unharmed",
        "bit on 10 of 10 connections , then healed",
        "What it is not: what a network card does when its cable is cut",
        "round trip, s client 0.0011 0.0521",
        "40 of 43 attempts",
        "50 of 50 answered, median 1.37ms, worst 1.5ms",
        "+1.500s fault stalled_reader: stalled_reader on 10 of 40",
        "+3.000s 3 clients of late not let in: timeout in handshake",
        f"python -m chaos replay {sample_run.id} {slug}",
        "tests/scenarios/test_cleanup.py::test_dead_peers_are_found[stalled_reader]",
    ):
        assert words in story.text, words
    assert len(list(story.all("svg"))) == 1


def test_what_is_long_is_folded(state: Path) -> None:
    run = make_run(state, [Cell(promise="p", scenario="s", outcome="violated", observed="ab " * 200)])
    (table,) = Page(render_html(run)).root.all("table", class_="findings")
    assert "and 300 more characters" in table.text


def test_inconclusive_says_why(page: Element) -> None:
    (story,) = page.all("details", class_="inconclusive")
    reason = "after 40 rounds the interval [-2kB, 7kB] still crosses the margin of 4kB"
    assert f"Why nothing can be said: {reason}" in story.text
    assert "unknown, seen on 10 of 10 connections" in story.text


def test_skipped_cells_are_listed_by_reason(page: Element) -> None:
    (section,) = page.all("section", id="skipped")
    assert "needs kernel rules: nft is not installed; apt-get install nftables" in section.text
    assert "everybody is served again under partition" in section.text


def test_the_header_says_what_run_it_was(sample_run: Run, page: Element) -> None:
    (header,) = page.all("header")
    for words in (
        "reference",
        "processes (no container engine answers)",
        "20250131",
        sample_run.id,
        "toxiproxy embedded",
    ):
        assert words in header.text
    assert [item.text for item in header.all("li")] == ["✗ 2 violated", "? 1 inconclusive", "✓ 23 held", "- 1 skipped"]


def test_a_run_that_was_killed_says_so(state: Path) -> None:
    run = make_run(state, CELLS[:1], finish=False)
    run.new_cell("tests/scenarios/test_cleanup.py::test_dead_peers[reset]")
    page = Page(render_html(run)).root
    assert "it did not end: still running, or killed" in page.text
    (story,) = page.all("details", class_="inconclusive")
    assert "it holds no .ndjson segment" in story.text


def test_a_journal_that_cannot_be_read_does_not_hide_its_verdict(state: Path) -> None:
    run = make_run(state, CELLS[:1])
    (directory,) = run.cells()
    (segment,) = directory.glob("agent-*.ndjson")
    segment.write_text(segment.read_text() + "rubbish\n")
    page = Page(render_html(run)).root
    (story,) = page.all("details", class_="held")
    assert f"The journal cannot be read: {segment.name}, line " in story.text


def test_a_segment_that_was_cut_off_is_named(state: Path) -> None:
    run = make_run(state, CELLS[:1])
    (directory,) = run.cells()
    (segment,) = directory.glob("agent-*.ndjson")
    segment.write_text(segment.read_text() + '{"kind":"Sam')
    assert f"so its writer was killed: {segment.name}" in Page(render_html(run)).root.text


def test_nothing_ran(state: Path) -> None:
    page = Page(render_html(make_run(state, ()))).root
    assert "No scenario ran, so nothing was judged." in page.text
    assert not list(page.all("table", class_="matrix"))


def test_no_text_of_a_server_becomes_markup(state: Path) -> None:
    evil = Cell(
        promise="p" + EVIL,
        scenario="s" + EVIL,
        fault="f" + EVIL,
        family=EVIL,
        outcome="violated",
        figure=EVIL,
        detail=EVIL,
        observed=EVIL,
        promised=EVIL,
        expects=EVIL,
    )
    run = make_run(state, [evil, replace(evil, outcome="skipped"), replace(evil, outcome="held")])
    text = render_html(run)
    page = Page(text).root
    assert len(list(page.all("script"))) == 1
    assert not list(page.all("img"))
    assert 'alert("x")' not in text


def test_it_is_written_beside_the_journals(state: Path) -> None:
    run = make_run(state, CELLS[:2])
    assert write_html(run) == run.directory / "report.html"
    assert sorted(path.name for path in run.directory.iterdir()) == ["cells", "report.html", "run.json"]
    first = run.html.read_bytes()
    write_html(run)
    assert run.html.read_bytes() == first, "it depends on the journals alone"


def test_it_cannot_be_written(state: Path) -> None:
    run = make_run(state, ())
    run.html.mkdir()
    with pytest.raises(JournalError, match=r"^cannot write the report .*report\.html: Is a directory$"):
        write_html(run)


def test_the_matrix_says_the_same_as_the_data(sample_run: Run, page: Element) -> None:
    matrix = build_matrix(read_cells(sample_run))
    (table,) = page.all("table", class_="matrix")
    assert [head.text for head in table.all("th", scope="col")] == [fault.replace("_", " ") for fault in matrix.faults]
    assert [head.text for head in table.all("th", scope="row")] == [row.scenario for row in matrix.rows]
    assert [head.text for head in table.all("th", scope="rowgroup")] == [
        promise.replace("_", " ") for promise in matrix.promises
    ]
