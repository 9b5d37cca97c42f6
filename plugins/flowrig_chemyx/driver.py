"""Driver for Chemyx Fusion syringe pumps."""

import re
import warnings
from collections.abc import Sequence
from contextlib import suppress
from math import inf, isclose
from typing import Final

from attrs import evolve

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    DeviceFaultError,
    FlowrigWarning,
    NotReadyError,
    OutOfRangeError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import (
    Identity,
    Pump,
    PumpLimits,
    PumpReadBack,
    PumpState,
    PumpStep,
    Syringe,
)
from flowrig_chemyx.settings import (
    INNER_DIAMETER_MAX_MM,
    INNER_DIAMETER_MIN_MM,
    RATE_MIN_UL_MIN,
    FusionSettings,
)
from flowrig_chemyx.wire.channel import PumpChannel
from flowrig_chemyx.wire.protocol import REJECTION, RunSettings, choose_units
from flowrig_chemyx.wire.serial_line import (
    SerialLine,
    claim_line,
    comports,
    release_line,
)
from flowrig_serial.lines import LineFault
from flowrig_serial.ports import ListPorts, find_port

__all__ = ["ChemyxFusion", "Totalizer"]

MOVING: Final = frozenset({PumpState.RUNNING, PumpState.DELAYED})
AT_REST: Final = frozenset({PumpState.STOPPED, PumpState.STALLED})

STARTED: Final = re.compile(rb"pump (start|delay)", re.IGNORECASE)
"""What a Fusion says when it starts (Chemyx knowledge base, "Serial Commands")."""

JUST_NOW_MIN: Final = 0.05
"""Longest duration [min] of a run that opening the port can have started."""

MARGIN_S: Final = 2.0
"""Added to the duration [s] of a few exchanges, to be longer than it was for the pump."""

DONE: Final = 0.999
"""Fraction of its volume after which a run is over."""


class Totalizer:
    """Volume [µL] since the last start, from a counter that may restart when a run is resumed.

    Some Fusions continue `dispensed volume` after a pause, others count from zero again.

    Attributes:
        counts_on: whether the counter continues after a pause; None until it is known.
    """

    def __init__(self) -> None:
        self.counts_on: bool | None = None
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

    def learn(self, counter_ul: float, most_ul: float) -> None:
        """Learn from a reading after a pause how this pump counts, if the reading shows it.

        Args:
            counter_ul: the reading [µL].
            most_ul: more than the pump can have delivered since the pause [µL].
        """
        if counter_ul < self._counter_ul:
            self.counts_on = False
        elif self._counter_ul > most_ul:
            self.counts_on = True
        self.observe(counter_ul)

    def resume(self) -> None:
        """A run was resumed after a pause, on a pump of which `counts_on` is known."""
        if not self.counts_on:
            self.begin_anew()

    def begin_anew(self) -> None:
        """The counter begins at zero, and the total goes on."""
        self._earlier_ul += self._counter_ul
        self._counter_ul = 0.0


class ChemyxFusion(Pump):
    """A single-channel Fusion pump, or one channel of a dual pump.

    A run needs a target volume; the driver sets it to the volume of the syringe, or to the full
    stroke if that is smaller. The protocol does not show whether the pump lost its power, or was
    set by somebody else, after `set_rate`; so `start` reads all settings, and sends them again
    unless they are those of the run. What `set_rate` sends before that moves nothing.

    The text that a pump prints after `start`, `pause` and `stop` differs between models, so the
    driver relies on the status alone. It never sends `restart`, because sources disagree on whether
    that resumes a run or reboots the pump, and it sets the pump's delays to 0 only, because sources
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
        self._forget()
        self._totalizer = Totalizer()

    def _forget(self) -> None:
        """Forget what the pump was told."""
        self._syringe: Syringe | None = None
        self._limits = None
        self._rate_ul_min: float | None = None
        self._told: RunSettings | None = None  # what the pump confirmed last, if nothing failed
        self._in_program = False
        self._sent_start = False  # whether this driver began the run

    @property
    def _channel(self) -> PumpChannel:
        if self._open_channel is None:
            raise self._fault(NotReadyError, "the port is closed")
        return self._open_channel

    def _do_open(self) -> None:
        self._do_close()  # a blind stop may have left the port open
        try:
            line = self._claim_line()
            line.heard = b""
            line.find_baud(self.settings.deadline_s, self.wire)
            # Whichever channel opened the port, a recorded trace of this one then begins with a
            # resynchronization and can be replayed without the other.
            line.mark_out_of_sync()
        except LineFault as error:
            raise self._fault(ConnectionLostError, self._unopened(error)) from error
        self._open_channel = self._channel_of(line, self.settings.channel)
        self._channel.learn_status_spelling()
        self._undo_a_start(line)

    def _claim_line(self) -> SerialLine:
        settings = self.settings
        try:
            port = find_port(settings.address, self._list_ports)
            self._line = claim_line(port, settings.bauds, settings.channel)
        except OSError as error:
            raise self._fault(ConnectionLostError, self._unopened(error)) from error
        return self._line

    def _unopened(self, error: Exception) -> str:
        return f"{self.settings.address} does not open: {error}"

    def _do_send_safe_action(self) -> None:
        line = self._line
        if line is None or line.broken:
            self._do_close()
            line = self._claim_line()
        channel = self.settings.channel
        try:
            line.send_blindly(f"{channel} stop" if channel else "stop", self.wire)
        except LineFault as error:
            raise self._fault(ConnectionLostError, f"{error}", "stop") from error

    def _channel_of(self, line: SerialLine, number: int | None) -> PumpChannel:
        return PumpChannel(line, self.name, number, self.settings.deadline_s, self.wire)

    def _undo_a_start(self, line: SerialLine) -> None:
        """Stop a run that the first byte on the line has started, and warn of it.

        A program that died, or a connection that broke, may have left a `start` without its end in
        the pump. The first byte makes it an unknown request, unless the pump looks at the beginning
        of a request only.
        """
        if not STARTED.search(line.heard):
            return
        for number in (1, 2) if self.settings.channel else (None,):
            channel = self._channel_of(line, number)
            runs = channel.learn_status_spelling() in MOVING
            if not runs or channel.elapsed_min() >= JUST_NOW_MIN:
                continue
            channel.stop()
            what = (
                "an unfinished start was in the pump, left by another program or a broken "
                "connection, and took effect when the port was opened"
            )
            if (state := channel.state()) not in AT_REST:
                raise self._fault(
                    UnknownOutcomeError,
                    f"{what}; the pump did not confirm that it stopped: it reports {state.value!r}",
                    "stop",
                )
            warnings.warn(
                f"{self.name}: {what}; the pump was stopped at once", FlowrigWarning, stacklevel=2
            )

    def _do_close(self) -> None:
        line, self._line, self._open_channel = self._line, None, None
        self._forget()
        self._totalizer.counts_on = None
        if line is not None:
            release_line(line, self.settings.channel)

    def _do_identify(self) -> Identity:
        self._channel.learn_units()
        return Identity("Chemyx", f"Fusion {self.settings.model}")

    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        diameter_mm = syringe.inner_diameter_mm
        if not INNER_DIAMETER_MIN_MM <= diameter_mm <= INNER_DIAMETER_MAX_MM:
            raise OutOfRangeError(
                f"{self.name}: an inner diameter of {diameter_mm:g} mm is outside the "
                f"{INNER_DIAMETER_MIN_MM:g} to {INNER_DIAMETER_MAX_MM:g} mm of all Fusions"
            )
        if self._do_read_state() not in AT_REST:
            raise self._fault(NotReadyError, "stop() the pump before its syringe is set")
        self._forget()
        raw = self._channel.limits(diameter_mm)
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
        if state is PumpState.DELAYED:
            raise self._fault(
                NotReadyError, "the pump waits for a delay that this driver did not set; stop() it"
            )
        self._rate_ul_min, self._in_program = None, False
        wanted = self._constant(rate_ul_min)
        if state is PumpState.RUNNING:
            self._change_running_rate(wanted)
        else:
            self._set_rate_at_rest(state, wanted)
        self._rate_ul_min = rate_ul_min

    def _do_start(self) -> None:
        if self._rate_ul_min is None:
            raise self._fault(NotReadyError, "set_rate() before start()")
        wanted = self._constant(self._rate_ul_min)
        state = self._do_read_state()
        if state is PumpState.RUNNING:
            self._require_run(wanted)
            return
        self._require_healthy(state)
        if state is not PumpState.STOPPED:
            self._do_stop()
        self._require_settings(wanted)
        self._totalizer.restart()
        self._launch()

    def _do_start_program(self, steps: Sequence[PumpStep]) -> None:
        state = self._do_read_state()
        if state in MOVING:
            raise self._fault(NotReadyError, "stop() the pump before a program")
        self._require_healthy(state)
        self._rate_ul_min = None
        self._send_at_rest(state, self._settings_for(steps))
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
        state = self._channel.state()
        if state in AT_REST:
            self._sent_start = False
        return state

    def _do_read_back(self) -> PumpReadBack:
        try:
            found = self._channel.settings()
        except ProtocolError as error:
            if error.reply != REJECTION:  # else a pump that shows no settings while it runs
                raise
            return PumpReadBack(time_s=self.clock.now_s())
        steps = found.rates
        is_constant = len(steps) == 1 and len(steps[0]) == 1
        return PumpReadBack(
            time_s=self.clock.now_s(),
            rate_ul_min=steps[0][0] * found.units.rate_ul_min if is_constant else None,
            inner_diameter_mm=found.diameter_mm,
        )

    def _do_read_dispensed_ul(self) -> float:
        return self._totalizer.observe(self._read_counter_ul())

    def _do_read_elapsed_s(self) -> float:
        return self._channel.elapsed_min() * 60.0

    def _constant(self, rate_ul_min: float) -> RunSettings:
        """The settings for a constant flow rate [µL/min]."""
        return self._settings_for([PumpStep(self.limits.volume_max_ul, rate_ul_min)])

    def _settings_for(self, steps: Sequence[PumpStep]) -> RunSettings:
        assert self._syringe is not None
        units = choose_units(min(rate for step in steps for rate in step.rates_ul_min))
        return RunSettings(
            units=units,
            diameter_mm=self._syringe.inner_diameter_mm,
            volumes=tuple(step.volume_ul / units.volume_ul for step in steps),
            rates=tuple(
                tuple(rate / units.rate_ul_min for rate in step.rates_ul_min) for step in steps
            ),
            delays=(0.0,) * len(steps),
        )

    def _set_rate_at_rest(self, state: PumpState, wanted: RunSettings) -> None:
        """Send a flow rate, and the other settings unless the pump has them already."""
        told = self._told
        if state is PumpState.STOPPED and told and evolve(told, rates=wanted.rates) == wanted:
            self._told = None
            # A pump that lost its power refuses the rate, because it has other units then.
            with suppress(RefusedError):
                self._set_rates(wanted)
                self._told = wanted
                return
        self._send_at_rest(state, wanted)

    def _send_at_rest(self, state: PumpState, wanted: RunSettings) -> None:
        """Send all settings of a run to a pump that does not run, whatever it was set to before."""
        if state is PumpState.PAUSED:
            self._do_stop()  # a paused pump may refuse new units and volumes
        self._told = None
        self._channel.set_units(wanted.units)
        assert wanted.diameter_mm is not None
        self._channel.set_diameter(wanted.diameter_mm)
        self._set_volumes(wanted)
        self._clear_delays(wanted)
        self._set_rates(wanted)
        self._told = wanted

    def _require_settings(self, wanted: RunSettings) -> None:
        """Read the settings of a pump at rest; send all of them unless they are those of a run.

        The volume is sent in any case, because the pump may not show its sign.
        """
        with suppress(ProtocolError):
            if self._channel.settings().shows(wanted):
                self._set_volumes(wanted)
                self._told = wanted
                return
        self._send_at_rest(PumpState.STOPPED, wanted)

    def _require_run(self, wanted: RunSettings) -> None:
        """Check that a running pump has the settings of a run, unless this driver started it."""
        if self._sent_start:
            return
        if not self._channel.settings().shows(wanted, volumes=False):
            raise self._fault(
                NotReadyError,
                "the pump runs, and has other settings than those of set_rate(); stop() it first",
            )

    def _set_volumes(self, wanted: RunSettings) -> None:
        shows_sign = self.settings.shows_sign
        self._channel.set_volumes(wanted.volumes, self._limits_clause(), shows_sign=shows_sign)

    def _set_rates(self, wanted: RunSettings) -> None:
        self._channel.set_rates(wanted.rates, self._limits_clause())

    def _clear_delays(self, wanted: RunSettings) -> None:
        try:
            self._channel.clear_delays(len(wanted.volumes))
        except ProtocolError as error:
            if error.reply != REJECTION:  # a pump that knows no delays has none
                raise

    def _limits_clause(self) -> str:
        limits = self.limits
        return (
            f"; the pump reported limits of {limits.rate_min_ul_min:g} to "
            f"{limits.rate_max_ul_min:g} µL/min and {limits.volume_max_ul:g} µL"
        )

    def _change_running_rate(self, wanted: RunSettings) -> None:
        """Pause the run, change the rate and resume; if the pump refuses the rate it stays paused.

        Public programs disagree on whether `set rate` acts on a running pump.
        """
        if not self._sent_start:
            self._channel.settings()  # somebody else began the run, maybe in other units
        state = self._pause()
        try:
            # Read before and after: the pump may count from zero again when it resumes.
            self._totalizer.observe(self._read_counter_ul())
            if state is PumpState.STOPPED or wanted.units is not self._channel.units:
                self._restart_with(state, wanted)
            else:
                self._resume_with(wanted)
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError,
                f"the run was paused to change its rate, and may not have resumed: {error}",
                "set rate",
            ) from error

    def _restart_with(self, state: PumpState, wanted: RunSettings) -> None:
        """Begin a new run at another rate, in place of one that is stopped or paused."""
        if state is PumpState.STOPPED and wanted.units is self._channel.units:
            self._set_rates(wanted)
            self._require_settings(wanted)
        else:
            self._send_at_rest(state, wanted)
        self._totalizer.begin_anew()
        self._launch()

    def _resume_with(self, wanted: RunSettings) -> None:
        """Resume a paused run at another rate."""
        self._told = None
        self._set_rates(wanted)
        began_s = self.clock.now_s()
        self._launch()
        self._told = wanted
        if self._totalizer.counts_on is None:
            counter_ul = self._read_counter_ul()
            duration_s = self.clock.now_s() - began_s + MARGIN_S
            most_ul = wanted.rates[0][0] * wanted.units.rate_ul_min * duration_s / 60.0
            self._totalizer.learn(counter_ul, most_ul)
        else:
            self._totalizer.resume()

    def _pause(self) -> PumpState:
        """Pause, and check that there was a run to pause; returns the state of the pump.

        Some pumps stop in place of pausing; the driver then begins a new run. If the earlier status
        was misread and the pump is at rest, the `start` that follows a pause would begin to pump;
        so a run of which the driver knows nothing is not continued after a stop.
        """
        ours, told = self._sent_start, self._told
        self._channel.pause()
        try:
            state = self._do_read_state()
            if state is PumpState.STOPPED and ours and told:
                is_over = self._read_counter_ul() >= DONE * told.volume_ul
                if not is_over:
                    return state
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError, f"the pump did not confirm its pause: {error}", "pause"
            ) from error
        self._require_healthy(state)
        if state is not PumpState.PAUSED:
            raise self._fault(
                RefusedError, f"the pump did not pause; it reports {state.value!r}", "pause"
            )
        return state

    def _launch(self, *, multistep: bool = False, whole_ul: float = inf) -> None:
        """Start, and check that the pump runs.

        Args:
            multistep: run all steps of a program.
            whole_ul: volume of the whole program [µL]; a pump that has already delivered it and
                stopped before its status was read has done its work.
        """
        self._sent_start = True
        self._channel.start(multistep=multistep)
        try:
            state = self._do_read_state()
            if state is PumpState.DELAYED:
                state = self._do_read_state()  # it may have reported the moment before the start
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError, f"the pump did not confirm that it runs: {error}", "start"
            ) from error
        self._require_healthy(state)
        is_over = state is PumpState.STOPPED and whole_ul < inf
        if is_over and isclose(self._read_counter_ul(), whole_ul, rel_tol=0.01):
            return
        if state is PumpState.RUNNING:
            return
        if state is PumpState.DELAYED:
            self._do_stop()  # or it would begin to pump at a time that nobody knows
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
