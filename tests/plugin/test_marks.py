"""What is read from a scenario's marks, and what is refused before anything starts."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chaos.capability import Capability
from chaos.contract import Contract
from chaos.faults import ClientReset, Fault, FullBuffers, HostilePackets, Latency, Vanished
from chaos.target import Echo, Endpoints, Feed, Start, Target
from fixtures.experiment import _part as part_of
from fixtures.experiment import undeclared
from fixtures.marks import cell_of, parametrize_faults

PROMISE = pytest.mark.promise("cleanup", "dead peers are released", expects="They are.", because="They must.")


@pytest.fixture
def item(request: pytest.FixtureRequest) -> pytest.Item:
    """This very test, to be marked as a scenario would be."""
    node: pytest.Item = request.node
    return node


def mark(item: pytest.Item, *marks: pytest.MarkDecorator) -> pytest.Item:
    for each in marks:
        item.add_marker(each)
    return item


def refusal(item: pytest.Item) -> str:
    """Why the item is no scenario, without its own name."""
    with pytest.raises(pytest.UsageError) as caught:
        cell_of(item)
    name, _, reason = str(caught.value).partition(": ")
    assert name == item.nodeid
    return reason


# -- what is read -------------------------------------------------------------------------------------------------


def test_a_cell_is_what_the_marks_say(item: pytest.Item) -> None:
    cell = cell_of(
        mark(
            item,
            PROMISE,
            pytest.mark.reads("cleanup.closed_within", optional=["cleanup.sweep_interval"]),
            pytest.mark.needs(Capability.SOCKET_PROBE, endpoints=["feed"]),
            pytest.mark.destructive,
        )
    )
    assert (cell.node, cell.promise, cell.scenario) == (item.nodeid, "cleanup", "dead peers are released")
    assert (cell.expects, cell.because) == ("They are.", "They must.")
    assert (cell.reads, cell.optional) == (("cleanup.closed_within",), ("cleanup.sweep_interval",))
    assert (cell.needs, cell.endpoints, cell.destructive) == ((Capability.SOCKET_PROBE,), ("feed",), True)
    assert (cell.fault, cell.fault_name) == (None, "")


def test_the_reason_is_the_only_thing_that_may_be_missing(item: pytest.Item) -> None:
    cell = cell_of(mark(item, pytest.mark.promise("cleanup", "dead peers are released", expects="They are.")))
    assert (cell.because, cell.reads, cell.optional, cell.needs, cell.endpoints) == ("", (), (), (), ())
    assert not cell.destructive


def test_marks_of_module_and_function_add_up(item: pytest.Item) -> None:
    cell = cell_of(
        mark(
            item,
            PROMISE,
            pytest.mark.reads("recovery.within"),
            pytest.mark.reads("latency.p99", "recovery.within", optional=["liveness.max_age"]),
            pytest.mark.needs(endpoints=["feed"]),
            pytest.mark.needs(Capability.RESTART, endpoints=["data"]),
        )
    )
    assert sorted(cell.reads) == ["latency.p99", "recovery.within"]
    assert cell.optional == ("liveness.max_age",)
    assert (set(cell.endpoints), cell.needs) == ({"feed", "data"}, (Capability.RESTART,))


@pytest.mark.faults(Vanished(), None)
def test_what_the_fault_needs_the_scenario_needs(item: pytest.Item, fault: Fault | None) -> None:
    cell = cell_of(mark(item, PROMISE, pytest.mark.needs(Capability.SOCKET_PROBE)))
    assert cell.fault == fault
    assert cell.fault_name == ("vanished" if fault else "")
    assert len(cell.needs) == len(set(cell.needs))
    assert set(cell.needs) == ({Capability.SOCKET_PROBE} | (fault.needs if fault else set()))


@pytest.mark.faults(None, Latency(), ClientReset())
def test_a_cell_for_each_fault(item: pytest.Item, fault: Fault | None) -> None:
    assert item.name.endswith(f"[{fault.name if fault else 'calm'}]")


# -- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "marks",
    [
        [],
        [pytest.mark.promise("cleanup", "dead peers are released")],
        [pytest.mark.promise("cleanup", expects="They are.")],
        [pytest.mark.promise("cleanup", "dead peers", "are released", expects="They are.")],
    ],
)
def test_a_scenario_that_does_not_name_its_promise(item: pytest.Item, marks: list[pytest.MarkDecorator]) -> None:
    assert refusal(mark(item, *marks)) == (
        'a chaos scenario names its promise: @pytest.mark.promise("family", "scenario", expects="...")'
    )


@pytest.mark.parametrize("optional", [True, False])
@pytest.mark.parametrize("key", ["liveness.heartbeat_intervall", "heartbeat.interval", "liveness", ""])
def test_a_key_that_the_contract_does_not_have(item: pytest.Item, key: str, optional: bool) -> None:
    reads = pytest.mark.reads(optional=[key]) if optional else pytest.mark.reads(key)
    assert refusal(mark(item, PROMISE, reads)) == f"the contract has no key {key!r}; a key is written family.key"


def test_an_endpoint_that_no_target_can_have(item: pytest.Item) -> None:
    assert refusal(mark(item, PROMISE, pytest.mark.needs(endpoints=["feeds"]))) == (
        "a target has no endpoint 'feeds'; allowed: echo, notices, feed, room, data, gated, resumable"
    )


def test_a_need_that_is_no_capability(item: pytest.Item) -> None:
    assert refusal(mark(item, PROMISE, pytest.mark.needs("feed"))) == (
        "needs takes capabilities, and endpoints by their name: needs(Capability.LINK, endpoints=[...]); found 'feed'"
    )


@pytest.mark.parametrize(
    ("reads", "fills"),
    [
        (pytest.mark.reads("rejection.max_connections"), True),
        (pytest.mark.reads("establishment.ramp", optional=["rejection.max_connections"]), True),
        (pytest.mark.reads("settings.max_connections"), True),
        (pytest.mark.reads("rejection.within"), False),
    ],
)
def test_a_scenario_that_reads_how_many_get_in_fills_the_server(
    item: pytest.Item, reads: pytest.MarkDecorator, fills: bool
) -> None:
    assert cell_of(mark(item, PROMISE, reads)).fills_the_server is fills


@pytest.mark.parametrize("fault", ["vanished"])
def test_a_fault_that_is_none(item: pytest.Item, fault: str) -> None:
    assert refusal(mark(item, PROMISE)) == (
        f"the argument 'fault' of a chaos scenario is a Fault, from its faults mark; found {fault!r}"
    )


class Function:
    """What pytest hands over to be parametrized."""

    def __init__(self, *faults: object, arguments: tuple[str, ...] = ("experiment", "fault")) -> None:
        self.fixturenames = arguments
        self.cells: list[str] = []
        mark = pytest.mark.faults(*faults).mark
        self.definition = SimpleNamespace(nodeid="test_it.py::test_it", get_closest_marker=lambda name: mark)

    def parametrize(self, name: str, values: tuple[Any, ...], ids: list[str]) -> None:
        self.cells = ids

    def refusal(self) -> str:
        with pytest.raises(pytest.UsageError) as caught:
            parametrize_faults(cast(pytest.Metafunc, self))
        return str(caught.value)


def test_faults_without_an_argument_to_take_them() -> None:
    assert Function(Latency(), arguments=("experiment",)).refusal() == (
        "test_it.py::test_it is marked with faults but has no argument 'fault'"
    )


@pytest.mark.parametrize(("fault", "shown"), [(Latency, "Latency"), ("latency", "'latency'")])
def test_a_fault_in_the_mark_that_is_none(fault: object, shown: str) -> None:
    assert (
        Function(None, fault)
        .refusal()
        .startswith("test_it.py::test_it: the faults mark takes faults such as Latency(), and None for calm; found ")
    )
    assert shown in Function(None, fault).refusal()


def test_a_mark_without_faults_makes_no_cell() -> None:
    """pytest would skip it for good, and a promise would look as if it had been asked."""
    assert Function().refusal() == (
        "test_it.py::test_it: the faults mark takes faults such as Latency(), and None for calm; found none"
    )


# -- what a target has to declare ---------------------------------------------------------------------------------


def target(**promises: dict[str, Any]) -> Target:
    return Target(
        name="small",
        start=Start(command=("serve",)),
        endpoints=Endpoints(echo=Echo(path="/"), feed=Feed(path="/feed", message="news")),
        promises=Contract.model_validate(promises),
    )


def test_what_is_declared_is_run(item: pytest.Item) -> None:
    cell = cell_of(
        mark(
            item,
            PROMISE,
            pytest.mark.reads("recovery.within", optional=["latency.p99"]),
            pytest.mark.needs(endpoints=["feed"]),
        )
    )
    assert undeclared(cell, target(recovery={"within": "2s"})) is None
    assert undeclared(cell, target()) == "the contract declares no promises.recovery.within"


def test_all_that_is_not_declared_is_named(item: pytest.Item) -> None:
    reads = pytest.mark.reads("recovery.within", "latency.p99", optional=["breaker.waits_for"])
    cell = cell_of(mark(item, PROMISE, reads, pytest.mark.needs(endpoints=["data", "feed", "room"])))
    assert undeclared(cell, target()) == (
        "the contract declares no promises.recovery.within, promises.latency.p99; the target declares no "
        "endpoints.data, endpoints.room"
    )


def test_an_endpoint_that_is_not_declared_skips(item: pytest.Item) -> None:
    cell = cell_of(mark(item, PROMISE, pytest.mark.needs(endpoints=["feed", "data"])))
    assert undeclared(cell, target()) == "the target declares no endpoints.data"


def test_a_fault_of_another_dialect_skips(item: pytest.Item) -> None:
    cell = replace(cell_of(mark(item, PROMISE)), fault=HostilePackets())
    assert undeclared(cell, target()) == "the target's dialect is websocket, and this is said in socket.io alone"
    assert undeclared(cell, target().model_copy(update={"dialect": "socket.io"})) is None


def test_a_fault_that_takes_a_longer_message_skips_where_there_is_none(item: pytest.Item) -> None:
    cell = replace(cell_of(mark(item, PROMISE)), fault=FullBuffers())
    assert undeclared(cell, target()) == "endpoints.echo has no payload_send, a message whose answer is long"


def test_a_scenario_has_the_part_of_the_contract_it_asked_for(item: pytest.Item) -> None:
    cell = cell_of(mark(item, PROMISE, pytest.mark.reads("liveness.idle_timeout", optional=["cleanup.sweep_interval"])))
    promises = target(
        liveness={"idle_timeout": "3s", "max_age": "30s"}, cleanup={"closed_within": "1s"}, recovery={"within": "2s"}
    ).promises
    part = part_of(promises, cell)
    assert part.liveness.idle_timeout == 3.0
    assert part.cleanup.sweep_interval is None
    for reach in ("liveness.max_age", "cleanup.closed_within", "recovery"):
        with pytest.raises(AttributeError):
            _reach(part, reach)


def _reach(part: object, path: str) -> object:
    for name in path.split("."):
        part = getattr(part, name)
    return part
