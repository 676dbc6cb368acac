"""Socket.IO without any I/O: what a client makes of what it hears, and what it says."""

from __future__ import annotations

import pytest

from chaos.dialects import dialect_named
from chaos.dialects.base import Asked, Broken, Heard, Over, Ready, Reply, Said, Talk
from chaos.dialects.conformance import DialectConformance

OPEN = '0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}'


def inside(namespace: str = "/") -> Talk:
    """The talk of a client that has been let in."""
    talk = dialect_named("socket.io").talk(namespace)
    address = "" if namespace == "/" else f"{namespace},"
    assert list(talk.begin()) == []
    assert list(talk.hear(OPEN)) == [Reply(f"40{address}")]
    assert list(talk.hear(f'40{address}{{"sid":"b"}}')) == [Ready()]
    return talk


class TestSocketIo(DialectConformance):
    name = "socket.io"
    lets_in = (OPEN, '40{"sid":"b"}')
    asks = "2"
    says = ('42["news",1]', '["news",1]')
    forbidden = "9"
    ends = "41"
    sayable = '{n}["echo","chaos {n}"]'
    unsayable = "chaos {n}"


class TestPlainWebSocket(DialectConformance):
    name = "websocket"
    lets_in = ()
    says = ("anything", "anything")
    sayable = "anything"


@pytest.mark.parametrize(
    ("packet", "heard"),
    [
        ("2", [Asked("3")]),
        ("2probe", [Asked("3probe")]),
        ("3", []),
        ("6", []),
        ("1", [Over("an Engine.IO close packet")]),
        ("41", [Over("a Socket.IO disconnect packet")]),
        ('44{"message":"no"}', [Over("""a Socket.IO connect error: '{"message":"no"}'""")]),
        ('42["news",{"a":[1]}]', [Said('["news",{"a":[1]}]')]),
        ('427["news"]', [Said('7["news"]')]),
        ('437["chaos 7"]', [Said('7["chaos 7"]')]),
        ('437[]', [Said("7[]")]),
        ('42/chat,["news"]', []),
        ('44/chat,{"message":"Invalid namespace"}', []),
        ('40{"sid":"c"}', []),
        ("", [Broken("no Engine.IO packet: ''")]),
        ("9", [Broken("no Engine.IO packet: '9'")]),
        ("4", [Broken("no Socket.IO packet: ''")]),
        ("49", [Broken("no Socket.IO packet: '9'")]),
        ("42", [Broken("no Socket.IO packet: '2'")]),
        ('42{"a":1}', [Broken("""no Socket.IO packet: '2{"a":1}'""")]),
        ("42[]", [Broken("no Socket.IO packet: '2[]'")]),
        ("42[1]", [Broken("no Socket.IO packet: '2[1]'")]),
        ('42["a"', [Broken("""no Socket.IO packet: '2["a"'""")]),
        ('43["a"]', [Broken("""no Socket.IO packet: '3["a"]'""")]),
        ('45["a"]', [Broken("""no Socket.IO packet: '5["a"]'""")]),
        ('421-["a"]', [Broken("""no Socket.IO packet: '21-["a"]'""")]),
        (OPEN, [Broken("a second Engine.IO open packet")]),
        (b"\0", [Broken("a binary message that no Socket.IO packet has announced")]),
    ],
)  # fmt: skip
def test_what_a_client_makes_of_a_packet(packet: str | bytes, heard: list[Heard]) -> None:
    assert list(inside().hear(packet)) == heard


@pytest.mark.parametrize(
    "packet",
    ["2", '40{"sid":"b"}', "x", "", '0{"sid":"a"}', "0[]", "0", '0{"pingInterval":0,"pingTimeout":1}',
     '0{"pingInterval":true,"pingTimeout":1}'],
)  # fmt: skip
def test_it_begins_with_an_open_packet(packet: str) -> None:
    (heard,) = dialect_named("socket.io").talk().hear(packet)
    assert isinstance(heard, Broken)


def test_a_namespace_is_joined_addressed_and_left() -> None:
    talk = inside("/chat")
    assert talk.say('7["echo"]') == '42/chat,7["echo"]'
    assert list(talk.hear('43/chat,7["x"]')) == [Said('7["x"]')]
    assert list(talk.hear('42["for another"]')) == []
    assert list(talk.hear("41/chat,")) == [Over("a Socket.IO disconnect packet")]
    assert list(talk.leave()) == ["41/chat,"]


def test_a_binary_event_is_heard_with_its_last_attachment() -> None:
    talk = inside()
    text = '["blob",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]'
    assert list(talk.hear(f"452-{text}")) == []
    assert list(talk.hear(b"\1")) == []
    assert list(talk.hear(b"\2")) == [Said(text)]


def test_text_in_place_of_an_attachment_is_forbidden() -> None:
    talk = inside()
    talk.hear('451-["blob",{"_placeholder":true,"num":0}]')
    assert list(talk.hear('42["x"]')) == [Broken("""'2["x"]' in place of a binary attachment""")]


def test_an_error_quotes_no_novels() -> None:
    (heard,) = inside().hear("9" * 1000)
    assert isinstance(heard, Broken)
    assert len(heard.reason) < 100


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/socket.io/", "/socket.io/?EIO=4&transport=websocket"),
        ("/socket.io/?token=a", "/socket.io/?token=a&EIO=4&transport=websocket"),
    ],
)
def test_the_request_says_which_protocol(path: str, asked: str) -> None:
    assert dialect_named("socket.io").request_path(path) == asked


@pytest.mark.parametrize("text", ['["a"]', '7["a",1]', '{n}["a","{n}"]', '["a",{n}]'])
def test_what_a_file_may_have_sent(text: str) -> None:
    assert dialect_named("socket.io").unsayable(text) == ""


@pytest.mark.parametrize("text", ["chaos {n}", "[]", "[1]", '{"a":1}', '["a"', 'x["a"]', ""])
def test_what_a_file_may_not_have_sent(text: str) -> None:
    assert dialect_named("socket.io").unsayable(text) == "is no event of Socket.IO"
