"""What every instrument's driver must do, whatever it drives."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar
from unittest import SkipTest

from attrs import frozen

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
from flowrig.trace.file import readable

__all__ = ["Command", "DeviceConformance"]

B = TypeVar("B", bound=Bench[Any])

QUIET_S = 0.05
"""How long [s] the wire is listened to for bytes that should not come."""

ROUNDS = 15
"""How often each of two threads asks."""

SILENCES = 3
"""After how many answers of a command the instrument falls silent at the latest."""

RECOVERIES = 3
"""Questions after which a driver must have found back to the truth."""


@frozen
class Command:
    """Something that moves, heats or lights, and how to tell what became of it.

    Attributes:
        name: how messages call it.
        arrange: brings an open driver and its instrument to where the command makes a difference.
        call: the command.
        done: whether the instrument does what was asked.
        untouched: whether it still does what it did before.
        once: whether it was told at most once.
    """

    name: str
    arrange: Callable[[], None]
    call: Callable[[], None]
    done: Callable[[], bool]
    untouched: Callable[[], bool]
    once: Callable[[], bool]


class Overheard(Wire):
    """A sound wire that keeps what passes; `sent` and `received` are as the driver sees them."""

    def __init__(self) -> None:
        self.sent = b""
        self.received = b""

    def add(self, direction: Direction, data: bytes) -> None:
        """Keep bytes."""
        setattr(self, direction, getattr(self, direction) + data)

    def carry(self, core: ProtocolCore, data: bytes) -> bytes:
        """Pass bytes on, and keep them."""
        self.add("sent", data)
        answer = core.feed(data)
        self.add("received", answer)
        return answer


class DeviceConformance(ABC, Generic[B]):
    """The checks that pumps, heaters and spectrometers have in common.

    A test class of a plugin inherits from the suite of its kind and adds one fixture, `bench`.
    """

    @abstractmethod
    def ready(self, bench: B) -> None:
        """Bring an open driver to where `ask` gives an answer worth having."""

    @abstractmethod
    def ask(self, bench: B) -> Any:
        """Read what the instrument does; a `Reading`."""

    @abstractmethod
    def is_true(self, bench: B, answer: Any) -> bool:
        """Whether an answer to `ask` is what the body shows at this moment."""

    @abstractmethod
    def disturb(self, bench: B) -> None:
        """Change what the true answer to `ask` is, without the driver."""

    @abstractmethod
    def is_at_rest(self, bench: B) -> bool:
        """Whether nothing was moved, heated or lit since the bench began."""

    @abstractmethod
    def commands(self, bench: B) -> Sequence[Command]:
        """What moves, heats or lights."""

    @abstractmethod
    def out_of_range(self, bench: B) -> Sequence[tuple[str, Callable[[], Any]]]:
        """Calls, by name, that ask an open and ready driver for what it cannot do."""

    def tells_single_bytes(self) -> bool:
        """Whether one wrong byte in an answer must be noticed."""
        return True

    @earns(Level.BRONZE)
    def test_nothing_is_sent_before_open(self, bench: B) -> None:
        """Constructing a driver sends nothing."""
        _, stray = self._overheard(bench, bench.another_driver)
        require(
            not stray,
            "the constructor talks to the instrument; connect in _do_open",
        )

    @earns(Level.BRONZE, Live("opens it twice, and asks who it is"))
    def test_the_identity_is_stable(self, bench: B) -> None:
        """Vendor and model are told, and stay the same when asked again and after reopening."""
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
            f"the identity changes from {first} to {again} to {reopened}; make it from what the "
            "instrument answers, and of nothing that changes",
        )

    @earns(Level.BRONZE, Live("opens and closes it, and asks what it does"))
    def test_opening_moves_nothing(self, bench: B) -> None:
        """The instrument is at rest after opening and closing, if it was before."""
        bench.open()
        require(
            self.is_at_rest(bench), "open() moves, heats or lights something; only connect and ask"
        )
        bench.call(bench.driver.close)
        require(self.is_at_rest(bench), "close() moves, heats or lights something; only hang up")

    @earns(Level.BRONZE, Live("opens and closes it, and asks nothing while it is open"))
    def test_a_closed_driver_says_so(self, bench: B) -> None:
        """Before opening, and after closing, a question raises NotReadyError and sends nothing."""
        for state in ("before open()", "after close()"):
            outcome, stray = self._overheard(bench, lambda: self.ask(bench))
            require(
                isinstance(outcome, NotReadyError) and not stray,
                f"a question {state} gave {outcome!r} and sent {stray!r}; let the public "
                "methods of the interface do the checking, and write only the _do_… methods",
            )
            bench.open()
            bench.call(bench.driver.close)

    @earns(
        Level.BRONZE,
        Live("asks for what it cannot do; a pump is told its syringe and a rate first"),
    )
    def test_out_of_range_is_refused_before_a_byte(self, bench: B) -> None:
        """What the instrument cannot do raises OutOfRangeError, and not a byte is sent."""
        self._open_ready(bench)
        for name, call in self.out_of_range(bench):
            outcome, stray = self._overheard(bench, call)
            require(
                isinstance(outcome, OutOfRangeError),
                f"{name} gave {outcome!r}; raise OutOfRangeError, and clamp nothing",
            )
            require(
                not stray,
                f"{name} was refused after {stray!r} had been sent; compare with the limits first",
            )

    @earns(Level.BRONZE, Live("opens and closes it twice"))
    def test_closing_releases_the_port(self, bench: B) -> None:
        """After closing, however often, another driver can open the port."""
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

    @earns(Level.BRONZE, Live("asks what it does, twice"))
    def test_answers_are_fresh_and_dated(self, bench: B) -> None:
        """A reading is what the instrument shows now, with the time of now and a good quality."""
        self._open_ready(bench)
        self._require_truth(bench, bench.call(lambda: self.ask(bench)), "in health")
        if not bench.is_live:
            self.disturb(bench)
        bench.clock.sleep(bench.pause_s)
        before_s = bench.clock.now_s()
        reading = bench.call(lambda: self.ask(bench))
        self._require_truth(bench, reading, "after the instrument changed by itself")
        require(
            before_s <= reading.time_s <= bench.clock.now_s(),
            f"the reading is dated {reading.time_s:g} s, and it was made at {before_s:g} s; stamp "
            "it with self.clock.now_s() when it is read",
        )
        require(
            reading.quality is Quality.GOOD,
            f"a sound reading has the quality {reading.quality}; keep the others for readings "
            "that must not drive a decision",
        )

    @earns(Level.SILVER)
    def test_silence_is_told_in_time(self, bench: B) -> None:
        """A question that nobody answers raises ConnectionLostError within the deadline."""
        self._open_ready(bench)
        with bench.tap.through(Mute()):
            outcome = bench.attempt_despite_a_fault(lambda: self.ask(bench), "a question")
        require(
            isinstance(outcome, ConnectionLostError),
            f"a question to a mute instrument gave {outcome!r}; raise ConnectionLostError when "
            "settings.deadline_s is over",
        )

    @earns(Level.SILVER)
    def test_opening_a_mute_instrument_fails(self, bench: B) -> None:
        """Opening raises a DeviceError, and the port is free again afterwards."""
        with bench.tap.through(Mute()):
            outcome = bench.attempt_despite_a_fault(bench.driver.open, "open()")
            require(
                isinstance(outcome, DeviceError),
                "open() succeeds on an instrument that answers nothing; ask it something in "
                "_do_identify",
            )
        require(
            not bench.driver.is_open
            and not isinstance(
                bench.attempt(lambda: bench.open(bench.another_driver())), Exception
            ),
            "the port stays in use after open() failed; release it in _do_close",
        )

    @earns(Level.SILVER)
    def test_silence_after_a_command_is_an_unknown_outcome(self, bench: B) -> None:
        """A command that is obeyed without an answer raises UnknownOutcomeError."""
        bench.open()
        for command in self.commands(bench):
            for answers in range(SILENCES):
                command.arrange()
                self._command_despite(
                    bench, command, Mute(answers), f"{answers} answers and then silence"
                )

    @earns(Level.SILVER)
    def test_it_comes_back_after_a_hang_up(self, bench: B) -> None:
        """A hang-up raises a DeviceError; after close() and open() everything works again."""
        self._open_ready(bench)
        identity = bench.call(bench.driver.identify)
        with bench.tap.through(Cut(0)):
            outcome = bench.attempt_despite_a_fault(lambda: self.ask(bench), "a question")
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
        """An answer that came too late is not taken for the answer to the next question."""
        self._open_ready(bench)
        with bench.tap.through(Late()):
            bench.attempt_despite_a_fault(lambda: self.ask(bench), "a question")
            self.disturb(bench)
            outcome = None
            for _ in range(RECOVERIES):
                outcome = bench.attempt_despite_a_fault(lambda: self.ask(bench), "a question")
                require(
                    isinstance(outcome, DeviceError) or self.is_true(bench, outcome),
                    f"a late answer was taken for a new one: {outcome}; after a missed deadline "
                    "get back in step before the next question: ask something that is asked at no "
                    "other time and drop all that comes before its answer, or connect anew",
                )
            if isinstance(outcome, DeviceError):
                bench.reopen()
                outcome = bench.call(lambda: self.ask(bench))
        self._require_truth(bench, outcome, "after a late answer")

    @earns(Level.SILVER)
    def test_nonsense_is_never_returned(self, bench: B) -> None:
        """Bytes that make no sense raise a DeviceError, and do no harm to what comes after."""
        self._open_ready(bench)
        with bench.tap.through(Garbled()):
            outcome = bench.attempt_despite_a_fault(lambda: self.ask(bench), "a question")
        require(
            isinstance(outcome, DeviceError),
            f"out of garbled bytes the driver made {outcome!r}; parse strictly, and raise "
            "ProtocolError for what does not fit",
        )
        bench.reopen()
        self._require_truth(bench, bench.call(lambda: self.ask(bench)), "after garbled bytes")

    @earns(Level.GOLD, Live("asks some thirty questions, two at a time"))
    def test_two_threads_get_their_own_answers(self, bench: B) -> None:
        """Questions that two threads ask at once are answered to the one that asked."""
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
            f"two threads at once got {answers!r} and {identities!r}; hold a lock from the first "
            "byte of a request to the last of its answer",
        )

    @earns(Level.GOLD)
    def test_every_byte_is_told(self, bench: B) -> None:
        """What the driver tells its wire log is what goes over the wire, both ways."""
        told, overheard = Overheard(), Overheard()
        bench.driver.wire.listener = lambda direction, data, channel: told.add(direction, data)
        with bench.tap.through(overheard):
            self._open_ready(bench)
            bench.call(lambda: self.ask(bench))
        if not told.sent and not told.received:
            raise SkipTest(
                "this driver tells no bytes, so that its traces show calls only; call "
                "self.wire.sent(data) before each write and self.wire.received(data) after each "
                "read"
            )
        for direction in ("sent", "received"):
            one, other = getattr(told, direction), getattr(overheard, direction)
            require(
                one == other,
                f"the driver tells {_where_they_part(one, other)} of what it {direction}; call "
                f"self.wire.{direction}(data) once wherever the port is used, with exactly the "
                "bytes that went over it, also those that are dropped",
            )

    @earns(Level.GOLD)
    def test_a_cut_at_any_byte(self, bench: B) -> None:
        """Wherever the link breaks: no hang, no wrong value, and the truth about every command."""
        self._open_ready(bench)
        for position in _positions(self._traffic(bench, lambda: self.ask(bench))):
            with bench.tap.through(Cut(position)):
                outcome = bench.attempt_despite_a_fault(lambda: self.ask(bench), "a question")
            self._require_truth_or_error(bench, outcome, f"cut after {position} bytes")
            bench.reopen()
        for command in self.commands(bench):
            command.arrange()
            for position in _positions(self._traffic(bench, command.call)):
                command.arrange()
                self._command_despite(
                    bench, command, Cut(position), f"a hang-up after {position} bytes"
                )

    @earns(Level.GOLD)
    def test_a_wrong_byte_anywhere(self, bench: B) -> None:
        """One wrong byte in an answer is noticed, or does no harm."""
        self._open_ready(bench)
        before = bench.tap.answered
        bench.call(lambda: self.ask(bench))
        for position in _positions(bench.tap.answered - before):
            with bench.tap.through(Garbled(position)):
                outcome = bench.attempt_despite_a_fault(lambda: self.ask(bench), "a question")
            if self.tells_single_bytes():
                self._require_truth_or_error(bench, outcome, f"with byte {position} garbled")
            bench.reopen()

    @earns(Level.GOLD)
    def test_the_emulator_takes_bytes_in_any_pieces(self, bench: B) -> None:
        """The emulator answers the same when every byte arrives alone."""
        with bench.tap.through(InPieces()):
            outcome = bench.attempt(lambda: self._open_ready(bench))
            require(
                not isinstance(outcome, Exception),
                f"the emulator fails when bytes arrive one by one: {outcome}; in feed(), keep what "
                "is not complete yet for the next call",
            )
            self._require_truth(bench, bench.call(lambda: self.ask(bench)), "byte by byte")

    def _open_ready(self, bench: B) -> None:
        bench.open()
        self.ready(bench)

    def _command_despite(self, bench: B, command: Command, wire: Wire, trouble: str) -> None:
        """Give a command over a bad wire, and compare what is said with what was done."""
        with bench.tap.through(wire):
            outcome = bench.attempt_despite_a_fault(command.call, command.name)
        if isinstance(outcome, DeviceError):
            bench.reopen()  # what the command still had under way has arrived after this
        require(
            command.once(),
            f"{command.name} reached the instrument twice ({trouble}); never repeat a command "
            "whose outcome is not known",
        )
        if not isinstance(outcome, DeviceError):
            require(
                command.done(),
                f"{command.name} returned, and the instrument does not do it ({trouble}); read "
                "back what it does before you return",
            )
            return
        require(
            command.untouched() or isinstance(outcome, UnknownOutcomeError),
            f"{command.name} raised {type(outcome).__name__}, and the instrument did something "
            f"({trouble}); raise UnknownOutcomeError for every failure from the moment at which "
            "the command may have left, its read-back included",
        )

    def _require_truth(self, bench: B, answer: Any, when: str) -> None:
        require(
            bench.is_live or self.is_true(bench, answer),
            f"{when} the driver says {answer}, which is not what the instrument does; ask the "
            "instrument each time, remember nothing, and check the conversion of units",
        )

    def _require_truth_or_error(self, bench: B, outcome: Any, when: str) -> None:
        if not isinstance(outcome, DeviceError):
            self._require_truth(bench, outcome, when)

    def _traffic(self, bench: B, call: Callable[[], Any]) -> int:
        """How many bytes a call sends and receives."""
        before = len(bench.tap.sent) + bench.tap.answered
        bench.call(call)
        return len(bench.tap.sent) + bench.tap.answered - before

    def _overheard(self, bench: B, call: Callable[[], Any]) -> tuple[Any, bytes]:
        """What a call returns or raises, and what is sent during it and shortly after."""
        before = len(bench.tap.sent)
        outcome = bench.attempt(call)
        time.sleep(QUIET_S)
        return outcome, bench.tap.sent[before:]


def _where_they_part(told: bytes, overheard: bytes) -> str:
    """Two streams of bytes, from shortly before the first that differs."""
    pairs = enumerate(zip(told, overheard, strict=False))
    same = next((index for index, (a, b) in pairs if a != b), min(len(told), len(overheard)))
    begin = max(same - 16, 0)
    return (
        f"{readable(told[begin:])} instead of {readable(overheard[begin:])}, from byte {begin} on,"
    )


def _positions(total: int) -> Iterator[int]:
    """Every byte of a short exchange; of a long one some of the head, the body and the end."""
    if total <= 400:
        yield from range(total)
        return
    yield from range(0, 64, 3)
    yield from range(64, total - 24, (total - 88) // 8)
    yield from range(total - 24, total, 3)
