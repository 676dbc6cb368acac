"""Packets of Engine.IO and Socket.IO that their protocols forbid, and such as look odd and are allowed.

What a server makes of a forbidden one the protocols mostly leave to it: it may pass it over and go on, say so in its
own words, or end the connection. What it may not do is neither.
"""

from __future__ import annotations

from chaos.hostile.answers import Allowed
from chaos.hostile.case import Case, Grounds, Send
from chaos.hostile.frames import Opcode, frame

__all__ = ["ALLOWED_PACKETS", "BROKEN_PACKETS"]

ANY_ANSWER = Allowed(codes=frozenset(range(1000, 5000)), ended=True, dismissed=True, served=True)
SERVED = Allowed(served=True)

DEPTH = 20_000
"""Arrays in each other: beyond what a parser that calls itself for each has room for (Python's gives up at some 1,000,
V8's at some 8,000)."""


def _said(*packets: str | bytes) -> Send:
    """Messages, one frame each; `{ns}` becomes the namespace as packets address it."""

    def send(on: Grounds) -> tuple[bytes, ...]:
        address = "" if on.namespace == "/" else f"{on.namespace},"
        return tuple(
            frame(Opcode.BINARY, packet)
            if isinstance(packet, bytes)
            else frame(Opcode.TEXT, packet.replace("{ns}", address).encode())
            for packet in packets
        )

    return send


def _broken(name: str, description: str, *packets: str | bytes, joins: bool = True) -> Case:
    return Case(name=name, description=description, allowed=ANY_ANSWER, send=_said(*packets), joins=joins)


def _odd(name: str, description: str, *packets: str | bytes) -> Case:
    return Case(name=name, description=description, allowed=SERVED, send=_said(*packets))


BROKEN_PACKETS = (
    _broken("packet of no type", "an empty Engine.IO packet", ""),
    _broken("Engine.IO type 7", "an Engine.IO packet of a type that there is not", "7"),
    _broken("Engine.IO type x", "an Engine.IO packet whose type is no digit", "x"),
    _broken("open from the client", "an Engine.IO open packet, which is the server's to send", '0{"sid":"x"}'),
    _broken("ping from the client", "a ping, which the client sent in revision 3 and the server sends in 4", "2"),
    _broken("empty message", "an Engine.IO message without a Socket.IO packet in it", "4"),
    _broken("Socket.IO type 9", "a Socket.IO packet of a type that there is not", '49{ns}["chaos-unheard"]'),
    _broken("garbage for JSON", "an event whose JSON has no end", '42{ns}["chaos-unheard",{"a":'),
    _broken("event that is no array", "an event that is an object", '42{ns}{"event":"chaos-unheard"}'),
    _broken("event without a name", "an event that is an empty array", "42{ns}[]"),
    _broken("event named by a number", "an event whose name is an object", '42{ns}[{"name":1},2]'),
    _broken("event named by no name", "an event whose name is an object that no text can be made of (CVE-2023-32695)",
            '42{ns}[{"toString":"x"}]'),
    _broken("reserved event", "an event with the name of the server's own", '42{ns}["disconnect","x"]'),
    _broken("endless nesting", f"an event with {DEPTH:,} arrays in each other",
            f'42{{ns}}["x",{"[" * DEPTH}{"]" * DEPTH}]'),
    _broken("number without an end", "an acknowledgement asked for by 10,000 digits", f'42{{ns}}{"9" * 10_000}["x"]'),
    _broken("ack of nothing", "an acknowledgement that nobody has asked for", '43{ns}999999["x"]'),
    _broken("event to a stranger", "an event for a namespace that was never joined", '42/chaos-nowhere,["x"]'),
    _broken("connect error from the client", "a connect error, which is the server's to send", '44{ns}{"message":"x"}'),
    _broken("second connect", "the namespace joined a second time", "40{ns}"),
    _broken("connect with garbage", "a connect packet whose JSON has no end", '40{ns}{"token":'),
    _broken("event before connect", "an event before the namespace is joined", '42{ns}["chaos-unheard"]', joins=False),
    _broken("binary unasked", "a binary message that nothing has announced", b"\0" * 32),
    _broken("attachment never sent", "a binary event, and in place of its attachment the next event",
            '451-{ns}["chaos-unheard",{"_placeholder":true,"num":0}]'),
    _broken("one attachment of two", "a binary event with one of its two attachments",
            '452-{ns}["chaos-unheard",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]', b"\1"),
    _broken("attachments without number", "a binary event that announces 10^12 attachments",
            '451000000000000-{ns}["chaos-unheard",{"_placeholder":true,"num":0}]'),
    _broken("placeholder of another", "a placeholder for an attachment that was not announced",
            '451-{ns}["chaos-unheard",{"_placeholder":true,"num":7}]', b"\1"),
    _broken("placeholder without number", "a placeholder whose number is none",
            '451-{ns}["chaos-unheard",{"_placeholder":true,"num":"splice"}]', b"\1"),
)  # fmt: skip
"""Each is passed over and what follows is served, or the connection is ended, in whatever words."""

ALLOWED_PACKETS = (
    _odd("pong unasked", "a pong that no ping has asked for", "3"),
    _odd("noop", "a noop, which is for the end of polling", "6"),
    _odd("event nobody listens for", "an event that no handler is for", '42{ns}["chaos-unheard",1,null,{"a":[]}]'),
    _odd("event called error", "an event named error, which Node's emitters throw where no handler is for it "
         "(CVE-2024-38355)", '42{ns}["error","x"]'),
    _odd("event with blanks", "an event whose JSON has blanks and escapes", '42{ns} [ "chaos-unheard" , "\\u20ac" ] '),
    _odd("prototype in the data", "an argument with the keys of an object's own",
         '42{ns}["chaos-unheard",{"__proto__":{"a":1}}]'),
    _odd("binary event", "a binary event with its attachment",
         '451-{ns}["chaos-unheard",{"_placeholder":true,"num":0}]', b"\0\1\2"),
    _odd("stranger namespace", "a namespace that there is not, asked for beside the one that is joined",
         "40/chaos-nowhere,"),
)  # fmt: skip
"""Each is no reason to end a conversation: what follows is served."""
