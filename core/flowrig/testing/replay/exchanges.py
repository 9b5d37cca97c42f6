"""A trace as a conversation: calls, and their requests and replies."""

import re
from typing import Any

from attrs import define, field, frozen

from flowrig.trace.file import BytesEntry, CallEntry, EndEntry, Trace, is_text

__all__ = ["Exchange", "Match", "RecordedCall", "conversation", "match", "until"]

MARK = re.compile(rb"[0-9]{10,}")
"""A mark: a number of at least 10 digits, a time or a counter with which a driver synchronizes. It
is different in each run, and the instrument repeats it."""


@define
class Exchange:
    """Bytes that the driver sent, and the reply before the driver sent again.

    Attributes:
        call: the call to which the exchange belongs.
        time_s: rig time [s].
        sent: bytes of the driver.
        channel: label of the connection.
        reply: bytes of the instrument.
        is_served: whether the exchange was played back.
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
        entry: entry of its beginning.
        exchanges: exchanges of all channels, in order.
        end: entry of its end; None if the trace ends before.
        is_repeated: whether the call was played back.
    """

    entry: CallEntry
    exchanges: list[Exchange] = field(factory=list)
    end: EndEntry | None = None
    is_repeated: bool = False

    @property
    def returned(self) -> bool:
        """Whether the call returned without an exception."""
        return self.end is not None and not self.end.raised


def conversation(trace: Trace) -> tuple[list[RecordedCall], list[str]]:
    """The calls that can be repeated, and notes on those that cannot."""
    calls: list[RecordedCall] = []
    notes = ["the last line is incomplete, and is left out"] if trace.cut else []
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
        notes.append(f"the trace ends during {current.entry}")
        calls.pop()
    return calls, notes


def until(entry: Any, reason: str) -> str:
    """A note on how far a trace was played back, with the reason."""
    return f"checked up to {entry.time_s:.3f} s: {reason}"


def _add(call: RecordedCall, entry: BytesEntry) -> bool:
    """Add bytes to a call; return whether they belong to an exchange of this call."""
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
    """Bytes that agree with the expected ones, as far as they go.

    Attributes:
        whole: whether all expected bytes are there.
        length: number of bytes that agree.
        marks: present mark for each recorded mark; see `MARK`.
    """

    whole: bool
    length: int = 0
    marks: dict[bytes, bytes] = field(factory=dict)

    def renew(self, reply: bytes) -> bytes:
        """A recorded reply with the present marks in the place of the recorded ones."""
        return MARK.sub(lambda found: self.marks.get(found[0], found[0]), reply)


def match(expected: bytes, got: bytes) -> Match | None:
    """Compare sent bytes with the recorded ones; None if they differ in more than marks."""
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
