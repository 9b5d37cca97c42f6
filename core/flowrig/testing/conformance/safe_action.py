"""Checks of the action that brings an instrument to rest: off, stop or shut."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Generic, TypeVar
from unittest import SkipTest

from attrs import frozen

from flowrig.emulation import Late, Line, Mute, Wire
from flowrig.errors import DeviceError, NotReadyError, UnknownOutcomeError, UnsupportedError
from flowrig.testing.bench.bench import Bench
from flowrig.testing.conformance.checks import Level, earns, require
from flowrig.testing.conformance.command import Command

__all__ = ["SafeActionConformance"]

B = TypeVar("B", bound=Bench[Any])

PROMPT = 0.5
"""Fraction of the driver's deadline within which the bytes of the safe action must have arrived. A
driver that first waits for an answer needs the whole deadline."""

POLL_S = 0.005
"""Interval [s] between two looks at the instrument."""

MANY = 1000
"""More answers than a driver asks for."""


class WatchedWire(Wire):
    """A wire that notes when an action has arrived.

    Args:
        wire: carries the bytes.
        arrived: whether the instrument executes the action.

    Attributes:
        at_s: `time.monotonic()` at which the action had arrived; None before.
    """

    def __init__(self, wire: Wire, arrived: Callable[[], bool]) -> None:
        self._wire = wire
        self._arrived = arrived
        self.at_s: float | None = None

    def carry(self, line: Line, data: bytes) -> bytes:
        """Carry bytes, then look at the instrument."""
        answer = self._wire.carry(line, data)
        if self.at_s is None and self._arrived():
            self.at_s = time.monotonic()
        return answer


@frozen
class _Trouble:
    """What happens to the link before the safe action, and during it."""

    when: str
    before: Callable[[], Wire] | None
    during: Callable[[], Wire]


TROUBLES = (
    _Trouble("when no answer comes", None, Mute),
    _Trouble("when answers come too late", None, lambda: Late(MANY)),
    _Trouble("when no answer comes, nor came to the query before", Mute, Mute),
)


class SafeActionConformance(ABC, Generic[B]):
    """The checks of off, stop and shut that pumps, heaters and spectrometers have in common."""

    @abstractmethod
    def ask(self, bench: B) -> Any:
        """Read the state of the instrument; a `Reading`."""

    @abstractmethod
    def ready(self, bench: B) -> None:
        """Bring an open driver to a state in which `ask` can distinguish right from wrong."""

    def safe_action(self, bench: B) -> Command | None:
        """The command that brings the instrument to rest; None if there is no such command."""
        return None

    @earns(Level.SILVER)
    def test_the_safe_action_waits_for_no_answer(self, bench: B) -> None:
        """Off, stop or shut is sent at once on a silent or late link; the outcome is unknown."""
        bench.open()
        self.ready(bench)
        for trouble in TROUBLES:
            action = self._armed(bench)
            if trouble.before is not None:
                with bench.tap.through(trouble.before()):
                    bench.attempt_with_fault(lambda: self.ask(bench), "a query")
            wire = WatchedWire(trouble.during(), action.done)
            began_s = time.monotonic()
            with bench.tap.through(wire):
                outcome = bench.attempt_with_fault(lambda: self._act(bench, action), action.name)  # noqa: B023
                self._await(action, bench.driver.settings.deadline_s)
            prompt_s = PROMPT * bench.driver.settings.deadline_s
            require(
                wire.at_s is not None,
                f"{action.name} {trouble.when} gave {outcome!r}, and the instrument never received "
                "it; send it before any request that needs an answer, on a new connection if the "
                "old one is lost",
                timed=True,
            )
            assert wire.at_s is not None
            require(
                wire.at_s - began_s < prompt_s,
                f"{action.name} {trouble.when} reached the instrument only after "
                f"{wire.at_s - began_s:.2f} s; send it first, and verify it afterwards",
                timed=True,
            )
            require(
                isinstance(outcome, UnknownOutcomeError),
                f"{action.name} {trouble.when} gave {outcome!r}; raise UnknownOutcomeError if "
                "the instrument does not confirm it",
            )
            bench.reopen()
            bench.call(action.call)

    @earns(Level.SILVER)
    def test_the_safe_action_needs_no_open_device(self, bench: B) -> None:
        """An instrument that is too slow to be opened is brought to rest by send_safe_action()."""
        bench.open()
        self.ready(bench)
        action = self._armed(bench)
        bench.call(bench.driver.close)
        driver = bench.another_driver()
        with bench.tap.through(Mute()):
            opened = bench.attempt(driver.open)
            outcome = bench.attempt(driver.send_safe_action)
            self._await(action, driver.settings.deadline_s)
        if isinstance(outcome, UnsupportedError):
            raise SkipTest("this driver sends no safe action to an instrument that it cannot open")
        require(
            isinstance(opened, DeviceError)
            and not isinstance(outcome, Exception)
            and action.done(),
            f"open() on a silent instrument gave {opened!r}, send_safe_action() then {outcome!r}, "
            f"and the instrument {'obeyed' if action.done() else 'never received it'}; in "
            "_do_send_safe_action connect, send the command, and read nothing",
        )
        bench.call(driver.close)

    def _act(self, bench: B, action: Command) -> None:
        """Give the safe action, as a rig does: also to a driver that a failure has closed."""
        try:
            action.call()
        except NotReadyError as closed:
            try:
                bench.driver.send_safe_action()
            except UnsupportedError:
                raise closed from None
            raise UnknownOutcomeError("not confirmed", device=bench.driver.name) from closed

    def _await(self, action: Command, most_s: float) -> None:
        """Wait until the instrument executes an action, because its bytes arrive on their own."""
        end_s = time.monotonic() + most_s
        while not action.done() and time.monotonic() < end_s:
            time.sleep(POLL_S)

    def _armed(self, bench: B) -> Command:
        """The safe action, on an instrument that is not at rest.

        Raises:
            SkipTest: the instrument has no safe action.
        """
        action = self.safe_action(bench)
        if action is None:
            raise SkipTest("this instrument has nothing that a command brings to rest")
        action.arrange()
        return action
