"""A device without a syringe that drives a stream, called as a pump is."""

from flowrig.errors import (
    DeviceError,
    NotReadyError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import (
    Device,
    Dispensed,
    Dispensing,
    PumpLimits,
    PumpReadBack,
    PumpState,
    PumpStatus,
)
from flowrig.problem.space import within
from flowrig.profile.model import DeviceEntry, Stream
from flowrig.profile.model.devices import gas_factor

__all__ = ["FlowSource"]


class FlowSource:
    """What a run asks of a pump, asked of a device that delivers at a flow rate.

    Such a device has one command, the flow rate from now on. So `set_rate` sends nothing to a
    device that stands still, and `start` sends the flow rate.

    Args:
        device: the device.
        stream: the stream that it drives.
        entry: the device in the profile.
    """

    def __init__(self, device: Device, stream: Stream, entry: DeviceEntry) -> None:
        assert isinstance(device, Dispensing)
        self.device = device
        self._source: Dispensing = device
        self._factor = gas_factor(stream, entry)
        self._rate_ul_min: float | None = None
        self._total_at_start_ul: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the device is open."""
        return self.device.is_open

    def prepare(self) -> PumpLimits:
        """The limits of the device, in flow rates [µL/min] of the stream; nothing is sent.

        Raises:
            NotReadyError: the device delivers; stop it first.
        """
        if self._source.rate_ul_min() > 0.0:
            raise NotReadyError("it delivers; stop it first", device=self.device.name)
        low, high = self._source.limits_ul_min
        return PumpLimits(low / self._factor, high / self._factor)

    def set_rate(self, rate_ul_min: float) -> None:
        """Set the flow rate [µL/min] for the next start; a device that delivers goes on at it.

        Raises:
            OutOfRangeError: it is outside the limits of the device; nothing was sent.
            RefusedError: the device reports another flow rate afterwards.
        """
        told = self._counted(rate_ul_min)
        self._source.require_rate(told)
        if self._source.rate_ul_min() > 0.0:
            self._source.dispense(told)
        self._rate_ul_min = rate_ul_min

    def kept_ul_min(self, rate_ul_min: float) -> float:
        """The flow rate [µL/min] that the device keeps when it is told one, by its steps."""
        return self._source.rounded_ul_min(self._counted(rate_ul_min)) / self._factor

    def start(self) -> None:
        """Deliver at the flow rate of `set_rate` until `stop`.

        Where no answer comes, the device is asked once more for its flow rate; nothing is sent
        twice.

        Raises:
            NotReadyError: no flow rate was set; nothing was sent.
            UnknownOutcomeError: the command was sent, and no answer came.
        """
        if self._rate_ul_min is None:
            raise NotReadyError("set_rate() first", device=self.device.name)
        told = self._counted(self._rate_ul_min)
        self._total_at_start_ul = self._total_ul()
        try:
            self._source.dispense(told)
        except UnknownOutcomeError:
            if not self._delivers(told):
                raise

    def stop(self) -> None:
        """Stop, in every state, and verify it.

        Raises:
            UnknownOutcomeError: the device did not confirm that it stands still.
        """
        self._source.dispense(0.0)

    def status(self) -> PumpStatus:
        """Whether the device delivers, asked from it."""
        runs = self._source.rate_ul_min() > 0.0
        state = PumpState.RUNNING if runs else PumpState.STOPPED
        return PumpStatus(time_s=self.device.clock.now_s(), state=state)

    def look(self) -> tuple[PumpStatus, PumpReadBack | None]:
        """State, and while it delivers the flow rate [µL/min], in one question."""
        found = self._source.rate_ul_min()
        now_s = self.device.clock.now_s()
        if not found > 0.0:
            return PumpStatus(time_s=now_s, state=PumpState.STOPPED), None
        shown, told = found / self._factor, self._rate_ul_min
        if told is not None and self._source.delivers(found, self._counted(told)):
            shown = told  # it rounds, and that is no change
        back = PumpReadBack(time_s=now_s, rate_ul_min=shown)
        return PumpStatus(time_s=now_s, state=PumpState.RUNNING), back

    def dispensed(self) -> Dispensed:
        """Volume [µL] that the device has counted since the last start.

        Raises:
            UnsupportedError: the device does not count; use flow rate times time.
            NotReadyError: nothing was counted at the start, which another program may have made.
        """
        total_ul = self._source.total_ul()
        if self._total_at_start_ul is None:
            raise NotReadyError("its count at the start is not known", device=self.device.name)
        volume_ul = (total_ul - self._total_at_start_ul) / self._factor
        return Dispensed(time_s=self.device.clock.now_s(), volume_ul=volume_ul)

    def _counted(self, rate_ul_min: float) -> float:
        """A flow rate [µL/min] of the stream as the device counts it; 0 stays 0."""
        counted = rate_ul_min * self._factor
        return within(counted, *self._source.limits_ul_min) if counted else 0.0

    def _total_ul(self) -> float | None:
        try:
            return self._source.total_ul()
        except UnsupportedError:
            return None

    def _delivers(self, told: float) -> bool:
        try:
            return self._source.delivers(self._source.rate_ul_min(), told)
        except DeviceError:
            return False
