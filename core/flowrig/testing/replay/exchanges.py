"""What a trace holds in the terms of a conversation: calls, and what was sent and answered."""

import re
from typing import Any

from attrs import define, field, frozen

from flowrig.trace.file import BytesEntry, CallEntry, EndEntry, Trace, is_text

__all__ = ["Exchange", "Match", "RecordedCall", "conversation", "match", "until"]

MARK = re.compile(rb"[0-9]{10,}")
"""A number so long that it is a time or a counter, with which a driver finds back into step. It
differs each time, and the instrument repeats it."""


@define
class Exchange:
    """What was sent, and what came back before something else was sent.

    Attributes:
        call: the call during which.
        time_s: rig time [s].
        sent: by the driver.
        channel: the connection.
        reply: by the instrument.
        is_served: whether it was played back.
    """

    call: "RecordedCall"
    time_s: float
    sent: bytes
    channel: str
    reply: bytes = b""
    is_served: bool = False


@define(eq=False)
class RecordedCall:
    """A recorded call with its bytes.

    Attributes:
        entry: its beginning.
        exchanges: in order, those of all channels.
        end: how it ended; None where the record ends before.
        is_repeated: whether it was played back.
    """

    entry: CallEntry
    exchanges: list[Exchange] = field(factory=list)
    end: EndEntry | None = None
    is_repeated: bool = False

    @property
    def returned(self) -> bool:
        """Whether it came to a good end."""
        return self.end is not None and not self.end.raised


def conversation(trace: Trace) -> tuple[list[RecordedCall], list[str]]:
    """The calls that can be repeated, and why others cannot."""
    calls: list[RecordedCall] = []
    notes = ["the last line was incomplete, and is left out"] if trace.cut else []
    current: RecordedCall | None = None
    for entry in trace.entries:
        if isinstance(entry, CallEntry):
            if current is not None and current.end is None:
                return calls[:-1], [*notes, until(entry, "two calls at once cannot be repeated")]
            current = RecordedCall(entry)
            calls.append(current)
        elif current is None or current.end is not None:
            return calls, [*notes, until(entry, "bytes outside of any call cannot be repeated")]
        elif isinstance(entry, EndEntry):
            current.end = entry
        elif not _add(current, entry):
            return calls[:-1], [
                *notes,
                until(entry, "an answer that came late cannot be repeated"),
            ]
    if current is not None and current.end is None:
        notes.append(f"the record ends within {current.entry}")
        calls.pop()
    return calls, notes


def until(entry: Any, reason: str) -> str:
    """A note that says how far a trace could be played back."""
    return f"checked up to {entry.time_s:.3f} s: {reason}"


def _add(call: RecordedCall, entry: BytesEntry) -> bool:
    """Add bytes to a call; returns whether they are part of an exchange of this call."""
    if entry.direction == "sent":
        call.exchanges.append(Exchange(call, entry.time_s, entry.data, entry.channel))
        return True
    for exchange in reversed(call.exchanges):
        if exchange.channel == entry.channel:
            exchange.reply += entry.data
            return True
    return False


@frozen
class Match:
    """How far bytes agree with those that were expected.

    Attributes:
        whole: whether all that was expected is there.
        length: how many bytes that are.
        marks: the marks that were sent, by those that were recorded.
    """

    whole: bool
    length: int = 0
    marks: dict[bytes, bytes] = field(factory=dict)

    def renew(self, reply: bytes) -> bytes:
        """A recorded reply with the marks of today."""
        return MARK.sub(lambda found: self.marks.get(found[0], found[0]), reply)


def match(expected: bytes, got: bytes) -> Match | None:
    """Compare what is sent with what was; None if they differ, marks aside."""
    position, marks = 0, {}
    for part in _parts(expected):
        rest = got[position:]
        if MARK.fullmatch(part):
            found = re.match(rb"[0-9]+", rest)
            if found is None:
                return Match(whole=False) if not rest else None
            marks[part] = found[0]
            position += found.end()
        elif rest.startswith(part):
            position += len(part)
        else:
            return Match(whole=False) if part.startswith(rest) else None
    return Match(whole=True, length=position, marks=marks)


def _parts(expected: bytes) -> list[bytes]:
    if not is_text(expected):
        return [expected]
    return [part for part in re.split(rb"([0-9]{10,})", expected) if part]
