"""Recorded replies for the driver, and a comparison of the emulator's replies with them."""

import re
from collections.abc import Callable, Sequence

from attrs import frozen

from flowrig.emulation import HangUp, ProtocolCore
from flowrig.plugins.offers import DriverOffer, import_target
from flowrig.testing.replay.exchanges import Exchange, RecordedCall, match
from flowrig.trace.file import is_text, readable

__all__ = ["Difference", "Script", "Shape", "shape_of"]

NUMBER = re.compile(r"[A-Za-z0-9_.+-]*[0-9][A-Za-z0-9_.+-]*")
"""A word with a digit: a number, or a name such as F4T."""

Shape = Callable[[bytes, str], str | None]
"""Form of a reply on a connection, by its label; see `DriverOffer.reply_shape`."""


@frozen
class Difference:
    """A difference between a playback and the trace.

    Attributes:
        time_s: rig time [s] in the trace.
        call: the call in which it occurs.
        what: description in one sentence.
        expected: bytes or value in the trace.
        got: bytes or value in the playback.
    """

    time_s: float
    call: str
    what: str
    expected: str
    got: str

    def __str__(self) -> str:
        return (
            f"{self.what}, at {self.time_s:.3f} s in {self.call}\n"
            f"  expected {self.expected}\n"
            f"  got      {self.got}"
        )


class Script:
    """The exchanges still expected on each channel, and the first differences.

    Attributes:
        driver: first bytes of the driver that were not expected; None if there are none.
        emulator: first reply of the emulator in another form; None if there is none.
        compared: number of the emulator's replies that were compared.
        on_abandon: ends the present acquisition.
    """

    def __init__(self, calls: Sequence[RecordedCall], shape: Shape) -> None:
        self.driver: Difference | None = None
        self.emulator: Difference | None = None
        self.compared = 0
        self.on_abandon: Callable[[], None] = lambda: None
        self._shape = shape
        self._calls = calls
        self._call: RecordedCall | None = None
        self._cores: dict[str, ProtocolCore] = {}

    def begin(self, call: RecordedCall) -> None:
        """Expect the exchanges of this call from now on."""
        self._call = call

    def wrap(self, core: ProtocolCore) -> ProtocolCore:
        """Replace an emulator's replies by the recorded ones; see `EmulatorContext.tap`."""
        return _Playback(self, core)

    def next_on(self, channel: str | None) -> Exchange | None:
        """The next exchange of the present call on a channel, or on any if it is None."""
        for exchange in self._call.exchanges if self._call else ():
            if not exchange.is_served and channel in (None, exchange.channel):
                return exchange
        return None

    def channels(self) -> list[str]:
        """Channels on which the present call still has exchanges, in order."""
        waiting = [e.channel for e in self._call.exchanges if not e.is_served] if self._call else []
        return list(dict.fromkeys(waiting))

    def serve(self, exchange: Exchange, sent: bytes, core: ProtocolCore) -> None:
        """Note that an exchange took place as recorded, and compare the emulator's reply."""
        exchange.is_served = True
        self._cores[exchange.channel] = core
        self._compare(exchange, sent, core)
        end = exchange.call.end
        if end is not None and end.raised == "NotReadyError" and self.next_on(None) is None:
            self.on_abandon()

    def differ(self, expected: Exchange | None, got: bytes) -> None:
        """Note that the driver sends other bytes than recorded."""
        if self.driver is None and self._call is not None:
            entry = self._call.entry
            time_s, wanted = entry.time_s, "nothing more"
            if expected is not None:
                time_s = expected.time_s
                sent, got = _first_lines_that_differ(expected.sent, got)
                wanted = readable(sent)
            what = "the driver sends other bytes"
            self.driver = Difference(time_s, str(entry), what, wanted, readable(got))

    def compare_unserved(self) -> None:
        """Send the emulator the recorded requests that the driver did not send."""
        for call in self._calls:
            for exchange in call.exchanges:
                core = self._cores.get(exchange.channel)
                if not exchange.is_served and core is not None:
                    exchange.is_served = True
                    self._compare(exchange, exchange.sent, core)

    def _compare(self, exchange: Exchange, sent: bytes, core: ProtocolCore) -> None:
        try:
            answer = core.feed(sent)
        except HangUp as end:
            answer = end.answer
        if self.emulator is not None or not exchange.call.returned:
            return  # a reply that a bad link changed says nothing about the emulator
        self.compared += 1
        shapes = [self._shape(one, exchange.channel) for one in (exchange.reply, answer)]
        if shapes[0] != shapes[1]:
            self.emulator = Difference(
                exchange.time_s,
                f"{exchange.call.entry}, to {readable(sent)}",
                "the emulator answers in another form",
                f"{readable(exchange.reply)}, that is {shapes[0]}",
                f"{readable(answer)}, that is {shapes[1]}",
            )


class _Playback:
    """A protocol core that gives the recorded replies, and passes requests to the emulator."""

    def __init__(self, script: Script, core: ProtocolCore) -> None:
        self._script = script
        self._core = core
        self._channel: str | None = None
        self._input = b""

    def feed(self, data: bytes) -> bytes:
        """Give the recorded reply, or hang up if the driver sends other bytes."""
        self._input += data
        answers = b""
        while self._input:
            exchange = self._next()
            took = match(exchange.sent, self._input) if exchange else None
            if exchange is None or took is None:
                self._script.differ(exchange, self._input)
                raise HangUp(answers)
            if not took.whole:
                break
            sent, self._input = self._input[: took.length], self._input[took.length :]
            self._channel = exchange.channel
            self._script.serve(exchange, sent, self._core)
            answers += took.renew(exchange.reply)
        return answers

    def _next(self) -> Exchange | None:
        """The next exchange on this connection; its first bytes show which channel it is."""
        if self._channel is not None:
            return self._script.next_on(self._channel)
        waiting = [self._script.next_on(channel) for channel in self._script.channels()]
        fitting = [one for one in waiting if one and match(one.sent, self._input)]
        return next(iter(fitting or waiting), None)


def shape_of(offer: DriverOffer) -> Shape:
    """The function that gives the form of a reply: the plugin's, or the default."""
    own: Shape = (
        import_target(offer.reply_shape, f"the driver {offer.name!r}")
        if offer.reply_shape
        else lambda reply, channel: None
    )

    def shape(reply: bytes, channel: str) -> str:
        form = own(reply, channel)
        return form if form is not None else _default_shape(reply)

    return shape


def _first_lines_that_differ(expected: bytes, got: bytes) -> tuple[bytes, bytes]:
    """The first lines of a text that differ: the wire decides how many lines arrive at once."""
    if is_text(expected) and is_text(got):
        for one, other in zip(expected.splitlines(True), got.splitlines(True), strict=False):
            if not match(one, other):
                return one, other
    return expected, got


def _default_shape(reply: bytes) -> str:
    """The form of a reply: text with its numbers masked, or the length of binary data."""
    if is_text(reply):
        return repr(NUMBER.sub("#", reply.decode("ascii")))
    return f"{len(reply)} bytes"
