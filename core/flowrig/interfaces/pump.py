"""Syringe pumps."""

import itertools
import math
from abc import abstractmethod
from collections.abc import Sequence
from enum import Enum
from typing import Self

from attrs import frozen

from flowrig.errors import NotReadyError, OutOfRangeError, UnsupportedError
from flowrig.interfaces import returned
from flowrig.interfaces.device import Device, Reading

__all__ = [
    "Dispensed",
    "Elapsed",
    "Pump",
    "PumpLimits",
    "PumpReadBack",
    "PumpState",
    "PumpStatus",
    "PumpStep",
    "Syringe",
]


class PumpState(Enum):
    """The state of a pump, as the pump itself reports it.

    Attributes:
        STOPPED: the pump stands still.
        RUNNING: the pump moves.
        PAUSED: the pump has interrupted a run that it can continue.
        DELAYED: the pump waits before a run or between two steps of one.
        STALLED: the motor cannot move the plunger.
        FAULT: the pump reports another fault.
    """

    STOPPED = "stopped"
    RUNNING = "running"
    PAUSED = "paused"
    DELAYED = "delayed"
    STALLED = "stalled"
    FAULT = "fault"


@frozen
class Syringe:
    """The syringe on a pump.

    Attributes:
        volume_ul: nominal volume [µL].
        inner_diameter_mm: inner diameter [mm].
        material: material of the barrel; a label for people.
    """

    volume_ul: float
    inner_diameter_mm: float
    material: str = ""


@frozen
class PumpLimits:
    """Limits of a pump with its syringe.

    Attributes:
        rate_min_ul_min: slowest flow rate [µL/min].
        rate_max_ul_min: fastest flow rate [µL/min].
        volume_max_ul: largest volume [µL] of one stroke.
    """

    rate_min_ul_min: float
    rate_max_ul_min: float
    volume_max_ul: float = math.inf


@frozen(kw_only=True)
class PumpStatus(Reading):
    """The state of a pump at one moment.

    Attributes:
        state: the state.
    """

    state: PumpState


@frozen(kw_only=True)
class PumpReadBack(Reading):
    """What a pump reports that it is set to, which a person at its panel may have changed.

    Attributes:
        rate_ul_min: the set flow rate [µL/min], constant between commands, not a measured one; None
            where the pump cannot be asked.
        inner_diameter_mm: inner diameter [mm] of the syringe that it computes with; None where the
            pump cannot be asked.
    """

    rate_ul_min: float | None = None
    inner_diameter_mm: float | None = None


@frozen(kw_only=True)
class Dispensed(Reading):
    """Volume that the pump has delivered since its last start.

    Attributes:
        volume_ul: delivered volume [µL].
    """

    volume_ul: float


@frozen(kw_only=True)
class Elapsed(Reading):
    """Duration of the current run of a pump, or of the last one.

    Attributes:
        duration_s: duration [s].
    """

    duration_s: float


@frozen
class PumpStep:
    """One step of a program: a volume, at a flow rate or along a linear ramp between two.

    Attributes:
        volume_ul: volume [µL]; positive infuses, negative withdraws.
        rate_ul_min: flow rate [µL/min] at the beginning, always positive.
        end_rate_ul_min: flow rate [µL/min] at the end of a ramp, always positive; None for no ramp.
    """

    volume_ul: float
    rate_ul_min: float
    end_rate_ul_min: float | None = None

    @classmethod
    def lasting(
        cls,
        duration_s: float,
        rate_ul_min: float,
        end_rate_ul_min: float | None = None,
        *,
        withdraw: bool = False,
    ) -> Self:
        """A step with a given duration [s]; its volume is the duration times the mean flow rate."""
        end = rate_ul_min if end_rate_ul_min is None else end_rate_ul_min
        volume_ul = duration_s / 60.0 * (rate_ul_min + end) / 2.0
        return cls(-volume_ul if withdraw else volume_ul, rate_ul_min, end_rate_ul_min)

    @property
    def rates_ul_min(self) -> tuple[float, ...]:
        """The flow rate [µL/min], or both ends of the ramp."""
        ends = (self.rate_ul_min, self.end_rate_ul_min)
        return tuple(rate for rate in ends if rate is not None)

    @property
    def duration_s(self) -> float:
        """Duration [s] of the step."""
        rates = self.rates_ul_min
        return abs(self.volume_ul) * 60.0 * len(rates) / sum(rates)


class Pump(Device):
    """A syringe pump that infuses at a constant flow rate until it is stopped.

    Some pumps can also withdraw, deliver a given volume, and run several steps and ramps. They
    implement `start_program`; on all others it raises UnsupportedError.

    A driver implements `_do_open`, `_do_close`, `_do_identify` and the `_do_…` methods below.
    """

    _limits: PumpLimits | None = None

    @property
    def limits(self) -> PumpLimits:
        """Limits of the pump with its syringe.

        Raises:
            NotReadyError: no syringe was set yet.
        """
        if self._limits is None:
            raise NotReadyError("set_syringe() first: limits depend on it", device=self.name)
        return self._limits

    def set_syringe(self, syringe: Syringe) -> PumpLimits:
        """Set the syringe of the pump; returns the limits with it.

        Raises:
            OutOfRangeError: volume or diameter is not a positive number.
            RefusedError: the pump reports another diameter afterwards.
        """
        self._require_open()
        for what, value in (
            ("volume_ul", syringe.volume_ul),
            ("inner_diameter_mm", syringe.inner_diameter_mm),
        ):
            if not (math.isfinite(value) and value > 0):
                raise OutOfRangeError(f"{self.name}: {what} must be positive, got {value}")
        self._limits = returned.pump_limits(self, self._do_set_syringe(syringe))
        return self._limits

    def set_rate(self, rate_ul_min: float) -> None:
        """Set the flow rate [µL/min]; a running pump continues at the new rate.

        Raises:
            OutOfRangeError: the rate is outside `limits`; nothing was sent.
            RefusedError: the pump reports another rate afterwards.
        """
        self._require_open()
        limits = self.limits
        if not limits.rate_min_ul_min <= rate_ul_min <= limits.rate_max_ul_min:
            raise OutOfRangeError(
                f"{self.name}: {rate_ul_min:g} µL/min is outside the pump's "
                f"{limits.rate_min_ul_min:g} to {limits.rate_max_ul_min:g} µL/min with this syringe"
            )
        self._do_set_rate(rate_ul_min)

    def start(self) -> None:
        """Infuse at the flow rate of `set_rate` until `stop`.

        Raises:
            DeviceFaultError: the pump reports a stall or a fault.
            UnknownOutcomeError: the command was sent and no answer came.
        """
        self._require_open()
        self._do_start()

    def start_program(self, steps: Sequence[PumpStep]) -> None:
        """Run steps one after the other, timed by the pump itself, and stop after the last one.

        A program of one step delivers or withdraws a given volume. `status` reports the end of the
        program, and `stop` ends it early. The flow rate of `set_rate` is lost.

        Raises:
            OutOfRangeError: there is no step, a volume is zero, a flow rate is outside `limits`, or
                the plunger would travel more than one stroke; nothing was sent.
            NotReadyError: no syringe was set yet, or the pump is running.
            UnsupportedError: the pump, or its driver, cannot run these steps.
            RefusedError: the pump reports other values afterwards.
            DeviceFaultError: the pump reports a stall or a fault.
            UnknownOutcomeError: the command was sent and no answer came.
        """
        self._require_open()
        for number, step in enumerate(steps, 1):
            self._check_step(number, step)
        travel_ul = list(itertools.accumulate((step.volume_ul for step in steps), initial=0.0))
        stroke_ul = max(travel_ul) - min(travel_ul)
        if not 0 < stroke_ul <= self.limits.volume_max_ul:
            raise OutOfRangeError(
                f"{self.name}: a program that moves the plunger over {stroke_ul:g} µL does not fit "
                f"into {self.limits.volume_max_ul:g} µL"
            )
        self._do_start_program(steps)

    def _check_step(self, number: int, step: PumpStep) -> None:
        limits = self.limits
        if not (math.isfinite(step.volume_ul) and step.volume_ul):
            raise OutOfRangeError(f"{self.name}: step {number} moves {step.volume_ul:g} µL")
        for rate in step.rates_ul_min:
            if not limits.rate_min_ul_min <= rate <= limits.rate_max_ul_min:
                raise OutOfRangeError(
                    f"{self.name}: step {number}: {rate:g} µL/min is outside the pump's "
                    f"{limits.rate_min_ul_min:g} to {limits.rate_max_ul_min:g} µL/min"
                )

    def stop(self) -> None:
        """Stop the pump; works in every state, also on a stopped pump.

        Raises:
            UnknownOutcomeError: the pump did not confirm that it stands still.
        """
        self._require_open()
        self._do_stop()

    def status(self) -> PumpStatus:
        """Read the current state from the pump."""
        self._require_open()
        state = returned.pump_state(self, self._do_read_state())
        return PumpStatus(time_s=self.clock.now_s(), state=state)

    def read_back(self) -> PumpReadBack:
        """Read from the pump what it is set to; values that it cannot report are None.

        A run asks for it at every look while the pump runs, and compares it with its own commands.
        """
        self._require_open()
        return returned.pump_read_back(self, self._do_read_back())

    def dispensed(self) -> Dispensed:
        """Read the volume delivered since the last start from the pump.

        Raises:
            UnsupportedError: the pump does not count its volume; use flow rate times time.
        """
        self._require_open()
        method, expected = "_do_read_dispensed_ul", "a volume [µL]"
        volume_ul = returned.number(self, method, self._do_read_dispensed_ul(), expected)
        return Dispensed(time_s=self.clock.now_s(), volume_ul=volume_ul)

    def elapsed(self) -> Elapsed:
        """Read the running time since the last start from the pump.

        It depends on the pump whether a change of the flow rate restarts the count.

        Raises:
            UnsupportedError: the pump does not report its running time.
        """
        self._require_open()
        method, expected = "_do_read_elapsed_s", "a time [s]"
        duration_s = returned.number(self, method, self._do_read_elapsed_s(), expected)
        return Elapsed(time_s=self.clock.now_s(), duration_s=duration_s)

    @abstractmethod
    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        """Set the diameter, verify it, and return the limits with this syringe."""

    @abstractmethod
    def _do_set_rate(self, rate_ul_min: float) -> None:
        """Set the flow rate [µL/min] and verify it."""

    @abstractmethod
    def _do_start(self) -> None:
        """Start to infuse at the set flow rate."""

    @abstractmethod
    def _do_stop(self) -> None:
        """Stop and verify that the pump stands still."""

    @abstractmethod
    def _do_read_state(self) -> PumpState:
        """Ask the pump for its state."""

    def _do_read_back(self) -> PumpReadBack:
        """Ask the pump, which may be running, for what it is set to; optional.

        A value that this pump cannot report is None, and no error.
        """
        return PumpReadBack(time_s=self.clock.now_s())

    def _do_read_dispensed_ul(self) -> float:
        """Ask the pump for the volume [µL] delivered since the last start; optional."""
        raise UnsupportedError(f"{self.name}: this pump does not count what it delivers")

    def _do_start_program(self, steps: Sequence[PumpStep]) -> None:
        """Set the steps, verify them and start; optional."""
        raise UnsupportedError(f"{self.name}: this pump only infuses at a constant flow rate")

    def _do_read_elapsed_s(self) -> float:
        """Ask the pump for its running time [s] since the last start; optional."""
        raise UnsupportedError(f"{self.name}: this pump does not report its running time")
