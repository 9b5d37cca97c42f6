"""Syringe pumps."""

import math
from abc import abstractmethod
from enum import Enum

from attrs import frozen

from flowrig.errors import NotReadyError, OutOfRangeError, UnsupportedError
from flowrig.interfaces.device import Device, Reading

__all__ = ["Dispensed", "Pump", "PumpLimits", "PumpState", "PumpStatus", "Syringe"]


class PumpState(Enum):
    """What a pump does at this moment, as the pump itself reports it."""

    STOPPED = "stopped"
    RUNNING = "running"
    PAUSED = "paused"
    DELAYED = "delayed"
    STALLED = "stalled"
    FAULT = "fault"


@frozen
class Syringe:
    """A syringe as it sits on the pump.

    Attributes:
        volume_ul: nominal volume [µL].
        inner_diameter_mm: inner diameter [mm].
        material: barrel material, as a label.
    """

    volume_ul: float
    inner_diameter_mm: float
    material: str = ""


@frozen
class PumpLimits:
    """What a pump can do with the syringe it holds.

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
    """The state of a pump, with its time and quality."""

    state: PumpState


@frozen(kw_only=True)
class Dispensed(Reading):
    """Volume [µL] that the pump has delivered since it was last started."""

    volume_ul: float


class Pump(Device):
    """A syringe pump that infuses at a constant flow rate until it is stopped.

    A driver writes `_do_open`, `_do_close`, `_do_identify` and the `_do_…` methods below.
    """

    _limits: PumpLimits | None = None

    @property
    def limits(self) -> PumpLimits:
        """What the pump can do with its syringe.

        Raises:
            NotReadyError: no syringe was set yet.
        """
        if self._limits is None:
            raise NotReadyError("set_syringe() first: limits depend on it", device=self.name)
        return self._limits

    def set_syringe(self, syringe: Syringe) -> PumpLimits:
        """Tell the pump which syringe it holds, and learn the limits that follow.

        Raises:
            OutOfRangeError: volume or diameter is not a positive number.
            RefusedError: the pump kept another diameter.
        """
        self._require_open()
        for what, value in (
            ("volume_ul", syringe.volume_ul),
            ("inner_diameter_mm", syringe.inner_diameter_mm),
        ):
            if not (math.isfinite(value) and value > 0):
                raise OutOfRangeError(f"{self.name}: {what} must be positive, got {value}")
        self._limits = self._do_set_syringe(syringe)
        return self._limits

    def set_rate(self, rate_ul_min: float) -> None:
        """Set the flow rate [µL/min]; a running pump goes on at the new rate.

        Raises:
            OutOfRangeError: the rate is outside `limits`; nothing was sent.
            RefusedError: the pump kept another rate.
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
        """Infuse at the rate that was set, until `stop`.

        Raises:
            DeviceFaultError: the pump reports a stall or a fault.
            UnknownOutcomeError: the command was sent and no answer came.
        """
        self._require_open()
        self._do_start()

    def stop(self) -> None:
        """Stop; harmless when the pump stands still, and possible in every state.

        Raises:
            UnknownOutcomeError: the pump did not confirm that it stands still.
        """
        self._require_open()
        self._do_stop()

    def status(self) -> PumpStatus:
        """What the pump does now, asked from the pump."""
        self._require_open()
        return PumpStatus(time_s=self.clock.now_s(), state=self._do_read_state())

    def dispensed(self) -> Dispensed:
        """Volume [µL] delivered since the last start, asked from the pump.

        Raises:
            UnsupportedError: the pump keeps no count; flow rate times time has to do.
        """
        self._require_open()
        return Dispensed(time_s=self.clock.now_s(), volume_ul=self._do_read_dispensed_ul())

    @abstractmethod
    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        """Set the diameter, verify it, and return the limits that follow."""

    @abstractmethod
    def _do_set_rate(self, rate_ul_min: float) -> None:
        """Set the flow rate [µL/min] and verify it."""

    @abstractmethod
    def _do_start(self) -> None:
        """Start to infuse."""

    @abstractmethod
    def _do_stop(self) -> None:
        """Stop and verify that the pump stands still."""

    @abstractmethod
    def _do_read_state(self) -> PumpState:
        """Ask the pump what it does."""

    def _do_read_dispensed_ul(self) -> float:
        """Ask the pump how much it delivered [µL] since the last start, where it keeps count."""
        raise UnsupportedError(f"{self.name}: this pump keeps no count of what it delivers")
