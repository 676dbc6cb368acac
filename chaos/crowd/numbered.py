"""How a client numbers what it sends, and how it knows the numbers of what it hears. Frozen values that travel."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from chaos.crowd.exchange import NUMBER
from chaos.errors import ConfigurationError

__all__ = ["LAST", "PAYLOAD", "TOKEN", "Numbered", "Pattern", "payload_of"]

PAYLOAD = "{payload}"
TOKEN = "{token}"  # noqa: S105  # a place in a template
LAST = "{last}"

_PIECE = 8
"""Characters of a piece by which a payload is known: in another one of two hundred it is found once in 900,000."""
_ANY_NUMBER = r"(?<!\d)(?P<chaos_n>\d+)(?!\d)"
_SAME_NUMBER = r"(?<!\d)(?P=chaos_n)(?!\d)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbered:
    """The templates of numbered messages, in either direction. Raises ConfigurationError for what makes no sense.

    `{n}` is the message's number, and `{payload}` are letters and digits that follow from it: whatever comes back with
    the number of one message and not with its payload was changed on the way.
    """

    send: str | None = None
    """What a client sends."""
    answer: str | None = None
    """A regular expression for the answer to it, or for its acknowledgement."""
    in_order: bool = True
    """Whether answers come in the order of the messages: one that is overtaken is lost, or late."""
    applied: str | None = None
    """A regular expression for the server's own message that shows one to have been applied."""
    message: str | None = None
    """A regular expression for the server's own messages; None: whatever has a number."""
    sequence: str | None = None
    """A regular expression whose group 1 is the number of one of those; they have no gaps."""
    identical: bool = False
    """Whether every client hears the same text under the same number."""

    every: float = 0.1
    """Seconds from one time that a client sends to its next."""
    together: int = 2
    """Messages sent each time: an answer that has to wait for another's shows nothing where nobody asks for both."""
    size: int = 120
    """Characters of a payload: at twenty messages a second half of what a link passes on that slices everything into
    eight bytes a millisecond, over TLS too. With 200 such a link filled up on a busy machine, and pongs were late."""
    frames: int = 3
    """Frames that a message is divided into, where it is long enough."""

    session: str | None = None
    """A regular expression for the greeting in a new session; group 1 is the token by which it is resumed."""
    resumed: str | None = None
    """A regular expression for the greeting in a session that goes on; group 1, if there is one, is the token."""
    resume: str | None = None
    """The path by which a client comes back: with the `{token}`, and the number it has heard `{last}`."""

    def __post_init__(self) -> None:
        if (self.send is None) != (self.answer is None):
            raise ConfigurationError("numbered: send and answer go together; give both or neither")
        if self.send is None and self.sequence is None:
            raise ConfigurationError("numbered: nothing carries a number; give send and answer, or sequence")
        for name in ("send", "answer", "applied"):
            template = getattr(self, name)
            if template is not None and NUMBER not in template:
                raise ConfigurationError(f"numbered: {name} holds {NUMBER}; found {template!r}")
        if len({self.session is None, self.resumed is None, self.resume is None}) > 1:
            raise ConfigurationError("numbered: session, resumed and resume go together; give all of them or none")

    @property
    def resumable(self) -> bool:
        """Whether a client comes back to its session."""
        return self.resume is not None

    def text(self, number: int) -> str:
        """What is sent as message `number`."""
        assert self.send is not None
        return self.send.replace(NUMBER, str(number)).replace(PAYLOAD, payload_of(number, self.size))

    def resembles(self, text: str, number: int) -> bool:
        """Whether a text may be what has become of message `number`: it has a piece of its payload, or its number."""
        if self.send is None or PAYLOAD not in self.send:
            return str(number) in text
        payload = payload_of(number, self.size)
        return any(payload[start : start + _PIECE] in text for start in range(0, len(payload), _PIECE))


class Pattern:
    """A regular expression with `{n}`, perhaps with `{payload}`: whose message a text is, and whether it is whole."""

    __slots__ = ("_exact", "_loose", "_size")

    def __init__(self, expression: str, *, size: int) -> None:
        numbered = expression.replace(NUMBER, _ANY_NUMBER, 1).replace(NUMBER, _SAME_NUMBER)
        self._size = size
        # Whatever stands where the payload should: the number says whose it is, and the exact one whether it is right.
        self._loose = re.compile(numbered.replace(PAYLOAD, ".*"), re.DOTALL)
        # The payload is put aside before: no expression has to be compiled for each message.
        self._exact = re.compile(numbered.replace(PAYLOAD, re.escape(PAYLOAD)))

    def number(self, text: str) -> int | None:
        """The number that stands where one is awaited; None where the text is none of these messages."""
        found = self._loose.search(text)
        return None if found is None else int(found["chaos_n"])

    def whole(self, text: str, number: int) -> bool:
        """Whether the text is that of message `number` and nothing else."""
        put_aside = text.replace(payload_of(number, self._size), PAYLOAD)
        found = self._exact.search(put_aside)
        return found is not None and int(found["chaos_n"]) == number


@lru_cache(maxsize=256)
def payload_of(number: int, size: int) -> str:
    """The payload of message `number`: hexadecimal digits without any order, so that nothing in them can be lost,
    doubled or changed place and leave the same."""
    return hashlib.shake_128(str(number).encode()).hexdigest((size + 1) // 2)[:size]
