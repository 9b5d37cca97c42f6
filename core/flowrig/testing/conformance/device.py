"""Checks that pumps, heaters and spectrometers have in common."""

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar
from unittest import SkipTest

from flowrig.emulation import Cut, Garbled, InPieces, Late, Mute, ProtocolCore, Slow, Wire
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    OutOfRangeError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Quality
from flowrig.interfaces.wire_log import Direction
from flowrig.testing.bench.bench import Bench
from flowrig.testing.conformance.checks import Level, Live, earns, require
from flowrig.testing.conformance.command import Command
from flowrig.testing.conformance.returns import ReturnedValues
from flowrig.testing.conformance.safe_action import SafeActionConformance
from flowrig.trace.file import readable

__all__ = ["Command", "DeviceConformance"]

B = TypeVar("B", bound=Bench[Any])

QUIET_S = 0.05
"""Time [s] in which the wire is watched for bytes that should not come."""

ROUNDS = 15
"""Queries of each of two threads."""

SILENCES = 3
"""Silence begins after 0, 1, … answers of a command; this many cases are tried."""

RECOVERIES = 3
"""Queries after which a driver must give correct answers again."""


class RecordingWire(Wire):
    """A sound wire that records the bytes on it.

    Attributes:
        sent: bytes from the driver to the instrument.
        received: bytes from the instrument to the driver.
    """

    def __init__(self) -> None:
        self.sent = b""
        self.received = b""

    def add(self, direction: Direction, data: bytes) -> None:
        """Record bytes of one direction."""
        setattr(self, direction, getattr(self, direction) + data)

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Pass bytes on, and record them and their answer."""
        self.add("sent", data)
        answer = core.feed(data)
        self.add("received", answer)
        return answer


class DeviceConformance(ReturnedValues, SafeActionConformance[B]):
    """The checks that pumps, heaters and spectrometers have in common.

    A test class of a plugin inherits from the suite of its kind and adds one fixture, `bench`.
    """

    @abstractmethod
    def ready(self, bench: B) -> None:
        """Bring an open driver to a state in which `ask` can distinguish right from wrong."""

    @abstractmethod
    def ask(self, bench: B) -> Any:
        """Read the state of the instrument; a `Reading`."""

    @abstractmethod
    def is_true(self, bench: B, answer: Any) -> bool:
        """Whether an answer to `ask` is the present state of the emulated body."""

    @abstractmethod
    def disturb(self, bench: B) -> None:
        """Change the correct answer to `ask` without the driver."""

    @abstractmethod
    def is_at_rest(self, bench: B) -> bool:
        """Whether nothing was moved, heated or lit on this bench."""

    @abstractmethod
    def commands(self, bench: B) -> Sequence[Command]:
        """The commands that move, heat or light."""

    @abstractmethod
    def out_of_range(self, bench: B) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Calls with values out of range, each with its name, on an open and ready driver."""

    def detects_single_bytes(self) -> bool:
        """Whether the protocol lets a driver detect one wrong byte in an answer."""
        return True

    @earns(Level.BRONZE)
    def test_nothing_is_sent_before_open(self, bench: B) -> None:
        """The constructor of a driver sends nothing."""
        _, stray = self._sent_during(bench, bench.another_driver)
        require(
            not stray,
            "the constructor sends bytes to the instrument; connect in _do_open",
        )

    @earns(Level.BRONZE, Live("opens it twice, and asks for its identity"))
    def test_the_identity_is_stable(self, bench: B) -> None:
        """Vendor and model are reported; a second query and reopening do not change them."""
        driver = bench.driver
        first = bench.call(driver.open)
        require(
            first.vendor and first.model,
            f"the identity is {first}; return vendor and model from _do_identify",
        )
        again = bench.call(driver.identify)
        bench.reopen()
        reopened = bench.call(driver.identify)
        require(
            first == again == reopened,
            f"the identity changes from {first} to {again} to {reopened}; make it from answers of "
            "the instrument that do not change",
        )

    @earns(Level.BRONZE, Live("opens and closes it, and asks for its state"))
    def test_opening_moves_nothing(self, bench: B) -> None:
        """The instrument is at rest after opening and closing, if it was before."""
        bench.open()
        require(
            self.is_at_rest(bench),
            "open() moves, heats or lights something; only connect and query",
        )
        bench.call(bench.driver.close)
        require(self.is_at_rest(bench), "close() moves, heats or lights something; only disconnect")

    @earns(Level.BRONZE, Live("opens and closes it, and sends no query while it is open"))
    def test_a_closed_driver_raises_not_ready(self, bench: B) -> None:
        """Before opening, and after closing, a query raises NotReadyError and sends nothing."""
        for state in ("before open()", "after close()"):
            outcome, stray = self._sent_during(bench, lambda: self.ask(bench))
            require(
                isinstance(outcome, NotReadyError) and not stray,
                f"a query {state} gave {outcome!r} and sent {stray!r}; leave the checks to the "
                "public methods of the interface, and write only the _do_… methods",
            )
            bench.open()
            bench.call(bench.driver.close)

    @earns(
        Level.BRONZE,
        Live("asks for values out of range; a pump gets its syringe and a rate first"),
    )
    def test_out_of_range_is_refused_before_sending(self, bench: B) -> None:
        """A value out of range raises OutOfRangeError, and not a byte is sent."""
        self._open_ready(bench)
        for name, call in self.out_of_range(bench):
            outcome, stray = self._sent_during(bench, call)
            require(
                isinstance(outcome, OutOfRangeError),
                f"{name} gave {outcome!r}; raise OutOfRangeError, and never clamp a value",
            )
            require(
                not stray,
                f"{name} was refused after {stray!r} had been sent; compare with the limits first",
            )

    @earns(Level.BRONZE, Live("opens and closes it twice"))
    def test_closing_releases_the_port(self, bench: B) -> None:
        """After close(), called once or twice, another driver can open the port."""
        bench.call(bench.driver.close)
        bench.open()
        for _ in range(2):
            bench.call(bench.driver.close)
        outcome = bench.attempt(lambda: bench.open(bench.another_driver()))
        require(
            not isinstance(outcome, Exception),
            f"another driver cannot open the port after close(): {outcome}; release it in "
            "_do_close, which must work on a half-open device and more than once",
        )

    @earns(Level.BRONZE, Live("asks for its state, twice"))
    def test_answers_are_fresh_and_dated(self, bench: B) -> None:
        """A reading is the present state, with the present time and a good quality."""
        self._open_ready(bench)
        self._require_truth(bench, bench.call(lambda: self.ask(bench)), "on a sound link")
        if not bench.is_live:
            self.disturb(bench)
        bench.clock.sleep(bench.pause_s)
        before_s = bench.clock.now_s()
        reading = bench.call(lambda: self.ask(bench))
        self._require_truth(bench, reading, "after a change of the instrument")
        require(
            before_s <= reading.time_s <= bench.clock.now_s(),
            f"a reading that was made at {before_s:g} s has the time {reading.time_s:g} s; take "
            "the time from self.clock.now_s() when you read",
        )
        require(
            reading.quality is Quality.GOOD,
            f"a correct reading has the quality {reading.quality}; use GOOD for every reading that "
            "decisions may rely on",
        )

    @earns(Level.SILVER)
    def test_silence_is_reported_in_time(self, bench: B) -> None:
        """A query without an answer raises ConnectionLostError within the deadline."""
        self._open_ready(bench)
        with bench.tap.through(Mute()):
            outcome = bench.attempt_with_fault(lambda: self.ask(bench), "a query")
        require(
            isinstance(outcome, ConnectionLostError),
            f"a query to a silent instrument gave {outcome!r}; raise ConnectionLostError after "
            "settings.deadline_s",
        )

    @earns(Level.SILVER)
    def test_opening_a_mute_instrument_fails(self, bench: B) -> None:
        """Opening a silent instrument raises a DeviceError, and leaves the port free."""
        with bench.tap.through(Mute()):
            outcome = bench.attempt_with_fault(bench.driver.open, "open()")
            require(
                isinstance(outcome, DeviceError),
                "open() succeeds on an instrument that does not answer; send a query in "
                "_do_identify",
            )
        require(
            not bench.driver.is_open
            and not isinstance(
                bench.attempt(lambda: bench.open(bench.another_driver())), Exception
            ),
            "the port stays in use after a failed open(); release it in _do_close",
        )

    @earns(Level.SILVER)
    def test_silence_after_a_command_is_an_unknown_outcome(self, bench: B) -> None:
        """A command that is executed without an answer raises UnknownOutcomeError."""
        bench.open()
        for command in self.commands(bench):
            for answers in range(SILENCES):
                command.arrange()
                self._command_over_bad_wire(
                    bench, command, Mute(answers), f"{answers} answers and then silence"
                )

    @earns(Level.SILVER)
    def test_it_works_again_after_a_hang_up(self, bench: B) -> None:
        """A hang-up raises a DeviceError; after close() and open() the driver works again."""
        self._open_ready(bench)
        identity = bench.call(bench.driver.identify)
        with bench.tap.through(Cut(0)):
            outcome = bench.attempt_with_fault(lambda: self.ask(bench), "a query")
        self._require_truth_or_error(bench, outcome, "after a hang-up")
        again = bench.attempt(bench.reopen)
        require(
            not isinstance(again, Exception) and bench.call(bench.driver.identify) == identity,
            f"after a hang-up close() and open() gave {again!r}; drop the old connection in "
            "_do_close and make a new one in _do_open",
        )
        self._require_truth(bench, bench.call(lambda: self.ask(bench)), "after reopening")

    @earns(Level.SILVER)
    def test_a_late_answer_is_never_returned(self, bench: B) -> None:
        """An answer after its deadline is never taken for the answer to the next query."""
        self._open_ready(bench)
        with bench.tap.through(Late()):
            bench.attempt_with_fault(lambda: self.ask(bench), "a query")
            self.disturb(bench)
            outcome = None
            for _ in range(RECOVERIES):
                outcome = bench.attempt_with_fault(lambda: self.ask(bench), "a query")
                require(
                    isinstance(outcome, DeviceError) or self.is_true(bench, outcome),
                    f"a late answer was taken for a new one: {outcome}; after a missed deadline, "
                    "synchronize before the next query: send a query that is sent at no other time "
                    "and drop all bytes before its answer, or connect again",
                )
            if isinstance(outcome, DeviceError):
                bench.reopen()
                outcome = bench.call(lambda: self.ask(bench))
        self._require_truth(bench, outcome, "after a late answer")

    @earns(Level.SILVER)
    def test_garbled_bytes_are_never_returned(self, bench: B) -> None:
        """Garbled bytes raise a DeviceError, and do not affect later queries."""
        self._open_ready(bench)
        with bench.tap.through(Garbled()):
            outcome = bench.attempt_with_fault(lambda: self.ask(bench), "a query")
        require(
            isinstance(outcome, DeviceError),
            f"from garbled bytes the driver returned {outcome!r}; parse strictly, and raise "
            "ProtocolError for every answer that does not fit",
        )
        bench.reopen()
        self._require_truth(bench, bench.call(lambda: self.ask(bench)), "after garbled bytes")

    @earns(Level.GOLD, Live("sends some thirty queries, two at a time"))
    def test_two_threads_get_their_own_answers(self, bench: B) -> None:
        """Of two threads that query at once, each gets the answers to its own queries."""
        self._open_ready(bench)
        identity = bench.call(bench.driver.identify)

        def ask() -> list[Any]:
            return [self.ask(bench) for _ in range(ROUNDS)]

        def identify() -> list[Any]:
            return [bench.driver.identify() for _ in range(ROUNDS)]

        with bench.tap.through(Slow()):
            answers, identities = bench.attempt_together(ask, identify)
        require(
            not isinstance(answers, Exception)
            and not isinstance(identities, Exception)
            and all(bench.is_live or self.is_true(bench, answer) for answer in answers)
            and set(identities) == {identity},
            f"two threads got {answers!r} and {identities!r}; hold a lock from the first byte of a "
            "request to the last byte of its answer",
        )

    @earns(Level.GOLD)
    def test_every_byte_is_logged(self, bench: B) -> None:
        """The driver's wire log has exactly the bytes on the wire, in both directions."""
        logged, on_wire = RecordingWire(), RecordingWire()
        bench.driver.wire.listener = lambda direction, data, channel: logged.add(direction, data)
        with bench.tap.through(on_wire):
            self._open_ready(bench)
            bench.call(lambda: self.ask(bench))
        if not logged.sent and not logged.received:
            raise SkipTest(
                "this driver logs no bytes, and its traces have calls only; call "
                "self.wire.sent(data) before each write and self.wire.received(data) after each "
                "read"
            )
        for direction in ("sent", "received"):
            one, other = getattr(logged, direction), getattr(on_wire, direction)
            require(
                one == other,
                f"of the bytes that were {direction} the driver logs "
                f"{_first_difference(one, other)}; call self.wire.{direction}(data) once at each "
                "use of the port, with exactly the bytes that went over it, dropped ones included",
            )

    @earns(Level.GOLD)
    def test_a_cut_at_any_byte(self, bench: B) -> None:
        """If the link breaks at any byte, no call hangs, and no value or outcome is wrong."""
        self._open_ready(bench)
        for position in _positions(self._traffic(bench, lambda: self.ask(bench))):
            with bench.tap.through(Cut(position)):
                outcome = bench.attempt_with_fault(lambda: self.ask(bench), "a query")
            self._require_truth_or_error(bench, outcome, f"cut after {position} bytes")
            bench.reopen()
        for command in self.commands(bench):
            command.arrange()
            for position in _positions(self._traffic(bench, command.call)):
                command.arrange()
                self._command_over_bad_wire(
                    bench, command, Cut(position), f"a hang-up after {position} bytes"
                )

    @earns(Level.GOLD)
    def test_a_wrong_byte_anywhere(self, bench: B) -> None:
        """One wrong byte in an answer raises an error, or changes no value."""
        self._open_ready(bench)
        before = bench.tap.answered
        bench.call(lambda: self.ask(bench))
        for position in _positions(bench.tap.answered - before):
            with bench.tap.through(Garbled(position)):
                outcome = bench.attempt_with_fault(lambda: self.ask(bench), "a query")
            if self.detects_single_bytes():
                self._require_truth_or_error(bench, outcome, f"with byte {position} garbled")
            bench.reopen()

    @earns(Level.GOLD)
    def test_the_emulator_takes_bytes_in_any_pieces(self, bench: B) -> None:
        """The emulator gives the same answers when every byte arrives alone."""
        with bench.tap.through(InPieces()):
            outcome = bench.attempt(lambda: self._open_ready(bench))
            require(
                not isinstance(outcome, Exception),
                f"the emulator fails when bytes arrive one by one: {outcome}; in feed(), keep an "
                "incomplete request for the next call",
            )
            self._require_truth(bench, bench.call(lambda: self.ask(bench)), "byte by byte")

    def _open_ready(self, bench: B) -> None:
        bench.open()
        self.ready(bench)

    def _command_over_bad_wire(self, bench: B, command: Command, wire: Wire, trouble: str) -> None:
        """Give a command over a bad wire, and compare its outcome with its effect."""
        with bench.tap.through(wire):
            outcome = bench.attempt_with_fault(command.call, command.name)
        if isinstance(outcome, DeviceError):
            bench.reopen()  # bytes of the command that are still on the wire have arrived then
        require(
            command.once(),
            f"{command.name} reached the instrument twice ({trouble}); never repeat a command "
            "whose outcome is unknown",
        )
        if not isinstance(outcome, DeviceError):
            require(
                command.done(),
                f"{command.name} returned, but the instrument did not execute it ({trouble}); read "
                "the state back before you return",
            )
            return
        require(
            command.untouched() or isinstance(outcome, UnknownOutcomeError),
            f"{command.name} raised {type(outcome).__name__}, but the instrument changed its state "
            f"({trouble}); raise UnknownOutcomeError for every failure from the moment at which "
            "the command may have been sent, failures of the read-back included",
        )

    def _require_truth(self, bench: B, answer: Any, when: str) -> None:
        require(
            bench.is_live or self.is_true(bench, answer),
            f"{when} the driver returns {answer}, which is not the state of the instrument; query "
            "the instrument each time, cache nothing, and check the conversion of units",
        )

    def _require_truth_or_error(self, bench: B, outcome: Any, when: str) -> None:
        if not isinstance(outcome, DeviceError):
            self._require_truth(bench, outcome, when)

    def _traffic(self, bench: B, call: Callable[[], Any]) -> int:
        """Number of bytes that a call sends and receives."""
        before = len(bench.tap.sent) + bench.tap.answered
        bench.call(call)
        return len(bench.tap.sent) + bench.tap.answered - before

    def _sent_during(self, bench: B, call: Callable[[], Any]) -> tuple[Any, bytes]:
        """The value or exception of a call, and the bytes sent during it and shortly after."""
        before = len(bench.tap.sent)
        outcome = bench.attempt(call)
        time.sleep(QUIET_S)
        return outcome, bench.tap.sent[before:]


def _first_difference(logged: bytes, on_wire: bytes) -> str:
    """Two streams of bytes, from shortly before the first that differs."""
    pairs = enumerate(zip(logged, on_wire, strict=False))
    same = next((index for index, (a, b) in pairs if a != b), min(len(logged), len(on_wire)))
    begin = max(same - 16, 0)
    return f"{readable(logged[begin:])} instead of {readable(on_wire[begin:])} from byte {begin} on"


def _positions(total: int) -> Iterator[int]:
    """All positions in a short exchange; in a long one some of its head, body and end."""
    if total <= 400:
        yield from range(total)
        return
    yield from range(0, 64, 3)
    yield from range(64, total - 24, (total - 88) // 8)
    yield from range(total - 24, total, 3)
