"""Driver for Chemyx Fusion syringe pumps."""

from collections.abc import Sequence
from contextlib import suppress
from math import inf, isclose
from typing import Final

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    DeviceFaultError,
    NotReadyError,
    OutOfRangeError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Identity, Pump, PumpLimits, PumpState, PumpStep, Syringe
from flowrig_chemyx.settings import (
    INNER_DIAMETER_MAX_MM,
    INNER_DIAMETER_MIN_MM,
    RATE_MIN_UL_MIN,
    FusionSettings,
)
from flowrig_chemyx.wire.channel import PumpChannel
from flowrig_chemyx.wire.ports import ListPorts, find_port
from flowrig_chemyx.wire.protocol import Units, choose_units
from flowrig_chemyx.wire.serial_line import (
    LineFault,
    SerialLine,
    claim_line,
    comports,
    release_line,
)

__all__ = ["ChemyxFusion", "Totalizer"]

MOVING: Final = frozenset({PumpState.RUNNING, PumpState.DELAYED})
AT_REST: Final = frozenset({PumpState.STOPPED, PumpState.STALLED})


class Totalizer:
    """Volume [µL] since the last start, from a counter that may restart when a run is resumed.

    Some Fusions continue `dispensed volume` after a pause, others count from zero again.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Count from zero, for a new run."""
        self._earlier_ul = 0.0
        self._counter_ul = 0.0

    def observe(self, counter_ul: float) -> float:
        """Add a reading of the pump's counter.

        Args:
            counter_ul: the reading [µL]; one below the last reading means that the counter was
                reset in between.

        Returns:
            the total [µL].
        """
        if counter_ul < self._counter_ul:
            self._earlier_ul += self._counter_ul
        self._counter_ul = counter_ul
        return self._earlier_ul + counter_ul


class ChemyxFusion(Pump):
    """A single-channel Fusion pump, or one channel of a dual pump.

    A run needs a target volume; `start` sets it to the volume of the syringe, or to the full stroke
    if that is smaller. `start` also sends units, diameter and flow rate again, because the protocol
    does not show whether the pump lost its power after `set_rate`, and which settings survive that
    is not documented.

    The text that a pump prints after `start`, `pause` and `stop` differs between models, so the
    driver relies on the status alone. It never sends `restart`, because sources disagree on whether
    that resumes a run or reboots the pump, and it does not use the pump's delays, because sources
    disagree on their unit.

    Source: Chemyx knowledge base, "Serial Commands" and "RS232 Communication", and Chemyx's own
    Python software (github.com/cukelarter/Chemyx-Syringe-Pump).

    Args:
        name: the device's name in the rig profile.
        settings: port, baud rate and channel.
        clock: gives the time stamps of readings.
        list_ports: lists the serial ports of this computer.
    """

    settings: FusionSettings

    def __init__(
        self,
        name: str,
        settings: FusionSettings,
        clock: Clock | None = None,
        list_ports: ListPorts = comports,
    ) -> None:
        super().__init__(name, settings, clock)
        self._list_ports = list_ports
        self._line: SerialLine | None = None
        self._open_channel: PumpChannel | None = None
        self._syringe: Syringe | None = None
        self._rate_ul_min: float | None = None
        self._in_program = False
        self._totalizer = Totalizer()

    @property
    def _channel(self) -> PumpChannel:
        if self._open_channel is None:
            raise self._fault(NotReadyError, "the port is closed")
        return self._open_channel

    def _do_open(self) -> None:
        settings = self.settings
        try:
            port = find_port(settings.address, self._list_ports)
            self._line = claim_line(port, settings.bauds, settings.channel)
            self._line.find_baud(settings.deadline_s, self.wire)
            # Whichever channel opened the port, a recorded trace of this one then begins with a
            # resynchronization and can be replayed without the other.
            self._line.mark_out_of_sync()
        except (OSError, LineFault) as error:
            raise self._fault(
                ConnectionLostError, f"{settings.address} does not open: {error}"
            ) from error
        self._open_channel = PumpChannel(
            self._line, self.name, settings.channel, settings.deadline_s, self.wire
        )
        self._channel.learn_status_spelling()

    def _do_close(self) -> None:
        line, self._line, self._open_channel = self._line, None, None
        self._syringe = self._limits = self._rate_ul_min = None
        if line is not None:
            release_line(line, self.settings.channel)

    def _do_identify(self) -> Identity:
        self._channel.learn_units()
        return Identity("Chemyx", f"Fusion {self.settings.model}")

    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        diameter_mm = syringe.inner_diameter_mm
        if not INNER_DIAMETER_MIN_MM <= diameter_mm <= INNER_DIAMETER_MAX_MM:
            raise OutOfRangeError(
                f"{self.name}: an inner diameter of {diameter_mm:g} mm is outside the Fusion's "
                f"{INNER_DIAMETER_MIN_MM:g} to {INNER_DIAMETER_MAX_MM:g} mm"
            )
        if self._do_read_state() not in AT_REST:
            raise self._fault(NotReadyError, "stop() the pump before its syringe is set")
        self._syringe = self._limits = self._rate_ul_min = None
        self._in_program = False
        self._channel.set_units(Units.UL_MIN)
        self._channel.set_diameter(diameter_mm)
        raw = self._channel.limits()
        self._syringe = syringe
        return PumpLimits(
            rate_min_ul_min=max(raw.rate_min, RATE_MIN_UL_MIN),
            rate_max_ul_min=raw.rate_max,
            volume_max_ul=min(raw.volume_max, syringe.volume_ul),
        )

    def _do_set_rate(self, rate_ul_min: float) -> None:
        state = self._do_read_state()
        if state in MOVING and self._in_program:
            raise self._fault(NotReadyError, "a program is running; wait for its end, or stop()")
        self._rate_ul_min = None
        if state in MOVING:
            self._change_running_rate(rate_ul_min)
        else:
            self._prepare_constant_rate(state, rate_ul_min)
        self._rate_ul_min = rate_ul_min

    def _do_start(self) -> None:
        if self._rate_ul_min is None:
            raise self._fault(NotReadyError, "set_rate() before start()")
        state = self._do_read_state()
        if state in MOVING:
            return
        self._require_healthy(state)
        # The pump may have lost its power, and with it its settings, since set_rate().
        self._prepare_constant_rate(state, self._rate_ul_min)
        self._totalizer.restart()
        self._launch()

    def _do_start_program(self, steps: Sequence[PumpStep]) -> None:
        state = self._do_read_state()
        if state in MOVING:
            raise self._fault(NotReadyError, "stop() the pump before a program")
        self._require_healthy(state)
        self._rate_ul_min = None
        self._prepare_run(state, steps)
        self._totalizer.restart()
        self._in_program = True
        is_plain = len(steps) == 1 and len(steps[0].rates_ul_min) == 1
        self._launch(multistep=not is_plain, whole_ul=sum(abs(step.volume_ul) for step in steps))

    def _do_stop(self) -> None:
        """Stop this channel; if the pump does not confirm it, stop both channels of the pump."""
        state: PumpState | None = None
        trouble: DeviceError | None = None
        for everything in (False, True):
            try:
                state = self._stop_once(everything=everything)
            except DeviceError as error:
                trouble = error
                continue
            if state in AT_REST:
                self._in_program = False
                return
        seen = f"it reports {state.value!r}" if state else f"{trouble}"
        raise self._fault(
            UnknownOutcomeError, f"the pump did not confirm that it stopped: {seen}", "stop"
        ) from trouble

    def _do_read_state(self) -> PumpState:
        return self._channel.state()

    def _do_read_dispensed_ul(self) -> float:
        return self._totalizer.observe(self._read_counter_ul())

    def _do_read_elapsed_s(self) -> float:
        return self._channel.elapsed_min() * 60.0

    def _prepare_constant_rate(self, state: PumpState, rate_ul_min: float) -> None:
        self._prepare_run(state, [PumpStep(self.limits.volume_max_ul, rate_ul_min)])
        self._in_program = False

    def _prepare_run(self, state: PumpState, steps: Sequence[PumpStep]) -> None:
        """Send all settings of a run to a pump that does not run, whatever it was set to before."""
        assert self._syringe is not None
        if state is PumpState.PAUSED:
            self._do_stop()  # a paused pump may refuse new units and volumes
        units = choose_units(min(rate for step in steps for rate in step.rates_ul_min))
        self._channel.set_units(units)
        self._channel.set_diameter(self._syringe.inner_diameter_mm)
        volumes = [step.volume_ul / units.volume_ul for step in steps]
        self._channel.set_volumes(volumes, self._limits_clause())
        self._send_rates(units, steps)

    def _send_rates(self, units: Units, steps: Sequence[PumpStep]) -> None:
        rates = [tuple(rate / units.rate_ul_min for rate in step.rates_ul_min) for step in steps]
        self._channel.set_rates(rates, self._limits_clause())

    def _limits_clause(self) -> str:
        limits = self.limits
        return (
            f"; the pump reported limits of {limits.rate_min_ul_min:g} to "
            f"{limits.rate_max_ul_min:g} µL/min and {limits.volume_max_ul:g} µL"
        )

    def _change_running_rate(self, rate_ul_min: float) -> None:
        """Pause the run, change the rate and resume; if the pump refuses the rate it stays paused.

        Public programs disagree on whether `set rate` acts on a running pump.
        """
        self._pause()
        try:
            self._change_paused_rate(rate_ul_min)
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError,
                f"the run was paused to change its rate, and may not have resumed: {error}",
                "set rate",
            ) from error

    def _change_paused_rate(self, rate_ul_min: float) -> None:
        # Read before and after: the pump may count from zero again when it resumes.
        self._totalizer.observe(self._read_counter_ul())
        units = choose_units(rate_ul_min)
        if units is self._channel.units:
            self._send_rates(units, [PumpStep(self.limits.volume_max_ul, rate_ul_min)])
        else:
            self._prepare_constant_rate(PumpState.PAUSED, rate_ul_min)
        self._launch()
        self._totalizer.observe(self._read_counter_ul())

    def _pause(self) -> None:
        """Pause, and check that there was a run to pause.

        If the earlier status was misread and the pump is at rest, the `start` that follows a pause
        would begin to pump.
        """
        self._channel.pause()
        try:
            state = self._do_read_state()
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError, f"the pump did not confirm its pause: {error}", "pause"
            ) from error
        if state is not PumpState.PAUSED:
            raise self._fault(
                RefusedError, f"the pump did not pause; it reports {state.value!r}", "pause"
            )

    def _launch(self, *, multistep: bool = False, whole_ul: float = inf) -> None:
        """Start, and check that the pump runs.

        Args:
            multistep: run all steps of a program.
            whole_ul: volume of the whole program [µL]; a pump that has already delivered it and
                stopped before its status was read has done its work.
        """
        self._channel.start(multistep=multistep)
        try:
            state = self._do_read_state()
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError, f"the pump did not confirm that it runs: {error}", "start"
            ) from error
        self._require_healthy(state)
        is_over = state is PumpState.STOPPED and whole_ul < inf
        if is_over and isclose(self._read_counter_ul(), whole_ul, rel_tol=0.01):
            return
        if state not in MOVING:
            raise self._fault(
                RefusedError, f"the pump did not start; it reports {state.value!r}", "start"
            )

    def _stop_once(self, *, everything: bool) -> PumpState:
        with suppress(UnknownOutcomeError, ProtocolError):
            self._channel.stop(everything=everything)
        return self._do_read_state()

    def _require_healthy(self, state: PumpState) -> None:
        if state is PumpState.STALLED:
            raise self._fault(
                DeviceFaultError,
                "the pump stalled: its syringe is empty or its line is blocked; clear it and stop()"
                " before the next start",
                "status",
            )
        if state is PumpState.FAULT:
            raise self._fault(DeviceFaultError, "the pump reports an error on its screen", "status")

    def _read_counter_ul(self) -> float:
        counter = self._channel.dispensed()
        if self._channel.units is None:
            self._channel.learn_units()
        assert self._channel.units is not None
        return counter * self._channel.units.volume_ul
