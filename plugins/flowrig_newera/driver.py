"""Driver for New Era syringe pumps."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from math import isclose
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
    UnsupportedError,
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
from flowrig_newera.settings import (
    INNER_DIAMETER_MAX_MM,
    INNER_DIAMETER_MIN_MM,
    RATE_MIN_UL_MIN,
    SPEEDS_MM_MIN,
    NewEraSettings,
)
from flowrig_newera.wire.chain import ChainLine
from flowrig_newera.wire.protocol import (
    SAFE_MAX_S,
    Alarm,
    RateUnit,
    choose_rate,
    decimal,
    parse_rate,
    volume_unit_for,
)
from flowrig_newera.wire.pump_link import INFUSE, WITHDRAW, PumpLink
from flowrig_serial.lines import LineFault
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts, find_port
from flowrig_serial.shared import SharedLines

__all__ = ["NewEraPump", "identity_of"]

STATES: Final = {
    "I": PumpState.RUNNING,
    "W": PumpState.RUNNING,
    "X": PumpState.RUNNING,  # a purge, at the highest speed
    "S": PumpState.STOPPED,
    "P": PumpState.PAUSED,
    "T": PumpState.DELAYED,
    "U": PumpState.DELAYED,  # the program waits for a signal
}
FAULTS: Final = {
    Alarm.STALL: PumpState.STALLED,
    Alarm.PROGRAM: PumpState.FAULT,
    Alarm.PHASE: PumpState.FAULT,
}
"""The alarms that leave a fault behind; after the others the pump just stands still."""

AT_REST: Final = frozenset({PumpState.STOPPED, PumpState.PAUSED, PumpState.STALLED})
PROMPTS: Final = {INFUSE: "I", WITHDRAW: "W"}
STOP_TROUBLES: Final = 2
"""Number of stops without effect after which the driver gives up."""

ALMOST: Final = 1.0 - 1e-9
"""Two rates that differ by less, relatively, are the same."""

PLUNGER_MODEL: Final = "1000"
"""The model whose plunger speeds are known."""

_lines: Final = SharedLines[ChainLine]()


def identity_of(model: str, firmware: str) -> Identity:
    """The identity of a pump with a model, "1000", and a firmware."""
    return Identity("New Era", f"NE-{model}", firmware=firmware)


class NewEraPump(Pump):
    """One New Era syringe pump, alone on a serial port or at its address on a chain.

    The pump keeps its settings when its power fails, except a flow rate that was set while it ran.
    Every set at rest is written into its memory, so the driver reads first, and sends only what is
    different. A run is a program of two steps: pump the volume of the syringe, then stop.

    An alarm is told once, in place of the reply to a request, which is not obeyed then. The driver
    remembers a stall until `stop`. Nothing that could move a plunger is sent a second time.

    Source: New Era Pump Systems, "NE-1000 Multi-Phaser User Manual", publication 1200-01, and the
    programs named in docs/devices-newera.md.

    Args:
        name: the device's name in the rig profile.
        settings: port, address, line speed and mode.
        clock: gives the time stamps of readings.
        list_ports: lists the serial ports of this computer.
    """

    settings: NewEraSettings

    def __init__(
        self,
        name: str,
        settings: NewEraSettings,
        clock: Clock | None = None,
        list_ports: ListPorts = comports,
    ) -> None:
        super().__init__(name, settings, clock)
        self._list_ports = list_ports
        self._port = ""
        self._line: ChainLine | None = None
        self._open_link: PumpLink | None = None
        self._model = ""
        self._is_guarded = False  # whether this driver has set a time-out
        self._forget()

    def _forget(self) -> None:
        """Forget what the pump was told."""
        self._syringe: Syringe | None = None
        self._limits = None
        self._rate_ul_min: float | None = None
        self._direction = ""  # of the run that this driver began
        self._counted = ""  # direction of the last run; not known before the pump was asked
        self._in_program = False
        self._fault_state: PumpState | None = None
        self._earlier_ul = self._counter_ul = 0.0

    @property
    def _link(self) -> PumpLink:
        if self._open_link is None:
            raise self._fault(NotReadyError, "the port is closed")
        return self._open_link

    def _do_open(self) -> None:
        self._do_close()  # a blind stop may have left the port open
        settings = self.settings
        link = PumpLink(
            self._claim_line(), self.name, settings.pump, settings.deadline_s, self.wire
        )
        self._model, _ = link.find()
        self._open_link = link
        self._note_alarms()
        # Basic mode too: another program may have left the pump in Safe mode, with a time-out.
        if settings.safe_mode_s or self._line_is_safe():
            self._set_mode(settings.safe_mode_s or 0.0)

    def _line_is_safe(self) -> bool:
        assert self._line is not None
        return self._line.is_safe(self.settings.pump)

    def _set_mode(self, time_out_s: float) -> None:
        self._is_guarded = time_out_s > 0
        self._link.set_mode(math.ceil(time_out_s))
        self._note_alarms()

    def _claim_line(self) -> ChainLine:
        settings = self.settings
        try:
            port = find_port(settings.address, self._list_ports)
            part = settings.uses_only()
            self._line = _lines.claim(port, part, lambda: ChainLine(port, settings.bauds))
        except OSError as error:
            message = f"{settings.address} does not open: {error}"
            raise self._fault(ConnectionLostError, message) from error
        self._port = port
        if not set(self._line.bauds) & set(settings.bauds):
            speeds = ", ".join(map(str, self._line.bauds))
            raise self._fault(ConnectionLostError, f"another pump uses the port at {speeds} baud")
        return self._line

    def _do_close(self) -> None:
        line, self._line = self._line, None
        link, self._open_link = self._open_link, None
        guarded, self._is_guarded = self._is_guarded, False
        if line is None:
            return
        try:
            if guarded and link is not None and not line.is_closed:
                _end_guard(link)
        finally:
            _lines.release(self._port, self.settings.uses_only(), line)

    def _do_send_safe_action(self) -> None:
        line = self._line
        if line is None or line.is_closed:
            self._do_close()
            line = self._claim_line()
        try:
            line.stop_blindly(self.settings.pump, self.wire)
        except LineFault as error:
            raise self._fault(ConnectionLostError, f"{error}", "STP") from error

    def _do_arm_dead_man(self, timeout_s: float) -> None:
        if self.settings.safe_mode_s is None:
            raise UnsupportedError(
                f"{self.name}: only the Safe mode has a time-out; set safe_mode in the profile"
            )
        if timeout_s > SAFE_MAX_S:
            raise OutOfRangeError(f"{self.name}: the longest time-out is {SAFE_MAX_S} s")
        self._set_mode(timeout_s)

    def _do_identify(self) -> Identity:
        self._model, firmware = self._link.identify()
        self._note_alarms()
        return identity_of(self._model, firmware)

    def _do_set_syringe(self, syringe: Syringe) -> PumpLimits:
        diameter_mm = syringe.inner_diameter_mm
        if not INNER_DIAMETER_MIN_MM <= diameter_mm <= INNER_DIAMETER_MAX_MM:
            raise OutOfRangeError(
                f"{self.name}: an inner diameter of {diameter_mm:g} mm is outside the "
                f"{INNER_DIAMETER_MIN_MM:g} to {INNER_DIAMETER_MAX_MM:g} mm of New Era pumps"
            )
        slowest, fastest = self._rate_limits(float(decimal(diameter_mm)))
        state = self._do_read_state()
        if state not in AT_REST:
            raise self._fault(NotReadyError, "stop() the pump before its syringe is set")
        if state is PumpState.PAUSED:
            self._do_stop()
        fault = self._fault_state
        self._forget()
        self._fault_state = fault
        self._set_number("DIA", decimal(diameter_mm), self._link.diameter_mm)
        unit = volume_unit_for(syringe.volume_ul)
        if self._link.volume()[1] is not unit:
            self._link.set(f"VOL{unit.value}")
            if self._link.volume()[1] is not unit:
                raise self._fault(RefusedError, f"the pump does not count in {unit.value}", "VOL")
        self._set_program()
        self._syringe = syringe
        return PumpLimits(slowest, fastest, min(syringe.volume_ul, 9999.0 * unit.volume_ul))

    def _rate_limits(self, diameter_mm: float) -> tuple[float, float]:
        """The limits of the flow rate [µL/min], rounded so that the pump takes both."""
        settings = self.settings
        if settings.rate_min_ul_min is not None and settings.rate_max_ul_min is not None:
            return settings.rate_min_ul_min, settings.rate_max_ul_min
        digits = self._model.split("X")[0]
        if digits != PLUNGER_MODEL:
            raise self._fault(
                RefusedError,
                f"the limits of an NE-{self._model} are not known; set rate_min and rate_max in "
                "the profile, from the table of its manual for this syringe",
                "VER",
            )
        area_mm2 = math.pi / 4 * diameter_mm**2  # 1 mm³ is 1 µL
        slowest, fastest = (speed * area_mm2 for speed in SPEEDS_MM_MIN)
        return _rounded(max(slowest, RATE_MIN_UL_MIN), up=True), _rounded(fastest, up=False)

    def _set_program(self) -> None:
        """Let a run end after its first step; pumps without a program do that anyway."""
        if self._link.phase() is None:
            return
        for number, function in ((2, "STP"), (1, "RAT")):
            self._link.set(f"PHN{number}")
            if self._link.function() != function:
                self._link.set(f"FUN{function}")

    def _do_set_rate(self, rate_ul_min: float) -> None:
        state = self._do_read_state()
        if state is PumpState.DELAYED:
            raise self._fault(
                NotReadyError, "the pump waits in a program of somebody else; stop() it first"
            )
        if state is PumpState.RUNNING and self._in_program:
            raise self._fault(NotReadyError, "a program is running; wait for its end, or stop()")
        self._rate_ul_min, self._in_program = None, False
        if state is PumpState.RUNNING:
            self._change_running_rate(rate_ul_min)
        else:
            self._set_rate_at_rest(rate_ul_min)
        self._rate_ul_min = rate_ul_min

    def _set_rate_at_rest(self, rate_ul_min: float) -> None:
        wanted = self._argument(rate_ul_min)
        if _said(*self._link.rate()) == _said(*parse_rate(wanted)):
            return
        self._link.set(f"RAT{wanted}", self._limits_clause())
        self._require_rate(wanted)

    def _change_running_rate(self, rate_ul_min: float) -> None:
        """Change the rate of a running pump, which keeps its unit; else begin another run."""
        _, unit = self._link.rate()
        wanted = choose_rate(rate_ul_min, [unit])
        if wanted is None or wanted != self._argument(rate_ul_min, unit):
            self._run_at_another_rate(rate_ul_min)
            return
        number = wanted.removesuffix(unit.value)
        self._link.set(f"RAT{number}", self._limits_clause())
        with self._unknown_if_lost("the pump did not confirm its flow rate", f"RAT{number}"):
            self._require_rate(wanted)

    def _run_at_another_rate(self, rate_ul_min: float) -> None:
        """Stop, and run at a rate that needs another unit; the flow pauses for a moment."""
        if not self._direction:
            raise self._fault(
                NotReadyError, "somebody else began the run, in other units; stop() it first"
            )
        self._do_read_dispensed_ul()
        self._do_stop()
        with self._unknown_if_lost("the pump was stopped to change its rate", "RAT"):
            self._set_rate_at_rest(rate_ul_min)
            self._launch(INFUSE)

    def _require_rate(self, wanted: str) -> None:
        kept, unit = self._link.rate()
        if _said(kept, unit) != _said(*parse_rate(wanted)):
            raise self._fault(
                RefusedError,
                f"the pump kept {kept:g} {unit.value} instead of {wanted}{self._limits_clause()}",
                f"RAT{wanted}",
            )

    def _do_start(self) -> None:
        if self._rate_ul_min is None:
            raise self._fault(NotReadyError, "set_rate() before start()")
        state = self._do_read_state()
        if state in (PumpState.RUNNING, PumpState.DELAYED):
            self._require_run(self._rate_ul_min)
            return
        self._in_program = False
        self._prepare(state, INFUSE, self.limits.volume_max_ul, self._rate_ul_min)
        self._launch(INFUSE)

    def _do_start_program(self, steps: Sequence[PumpStep]) -> None:
        if len(steps) != 1 or len(steps[0].rates_ul_min) != 1:
            raise UnsupportedError(f"{self.name}: this driver runs one step, without a ramp")
        state = self._do_read_state()
        if state in (PumpState.RUNNING, PumpState.DELAYED):
            raise self._fault(NotReadyError, "stop() the pump before a program")
        self._rate_ul_min = None
        (step,) = steps
        direction = INFUSE if step.volume_ul > 0 else WITHDRAW
        self._prepare(state, direction, abs(step.volume_ul), step.rate_ul_min)
        self._in_program = True
        self._launch(direction, step.volume_ul)

    def _prepare(
        self, state: PumpState, direction: str, volume_ul: float, rate_ul_min: float
    ) -> None:
        """Set everything that a run needs on a pump at rest, and clear its counters."""
        self._require_healthy(state)
        if state is PumpState.PAUSED:
            self._do_stop()
        assert self._syringe is not None
        link = self._link
        self._set_number("DIA", decimal(self._syringe.inner_diameter_mm), link.diameter_mm)
        if link.phase() is not None and (link.phase(), link.function()) != ("01", "RAT"):
            self._set_program()
        unit = volume_unit_for(self._syringe.volume_ul)
        if link.volume()[1] is not unit:
            link.set(f"VOL{unit.value}")
        self._set_number("VOL", decimal(volume_ul / unit.volume_ul), lambda: link.volume()[0])
        if link.direction() != direction:
            link.set(f"DIR{direction}")
        self._set_rate_at_rest(rate_ul_min)
        for counter in (INFUSE, WITHDRAW):
            link.set(f"CLD{counter}")
        self._earlier_ul = self._counter_ul = 0.0

    def _launch(self, direction: str, volume_ul: float = math.inf) -> None:
        """Start, and check that the pump moves in a direction.

        Args:
            direction: `INFUSE` or `WITHDRAW`.
            volume_ul: volume of the run [µL]; a pump that has delivered it has done its work.
        """
        self._direction = self._counted = direction
        self._link.run()
        with self._unknown_if_lost("the pump did not confirm that it runs", "RUN"):
            prompt = self._read_prompt()
            is_over = prompt == "S" and isclose(
                self._counter(direction), abs(volume_ul), rel_tol=0.01
            )
        self._require_healthy(self._fault_state or PumpState.RUNNING)
        if prompt != PROMPTS[direction] and not is_over:
            raise self._fault(
                UnknownOutcomeError, f"the pump did not start; its state is {prompt!r}", "RUN"
            )

    def _require_run(self, rate_ul_min: float) -> None:
        """Check that a running pump has the settings of this run, unless this driver began it."""
        if self._direction == INFUSE:
            return
        link = self._link
        assert self._syringe is not None
        found = (_said(*link.rate()), link.diameter_mm(), link.direction())
        wanted = decimal(self._syringe.inner_diameter_mm)
        same = (
            found[0] == _said(*parse_rate(self._argument(rate_ul_min, found[0][1])))
            and _agree(found[1], wanted)
            and found[2] == INFUSE
        )
        if not same:
            raise self._fault(
                NotReadyError,
                "the pump runs, and has other settings than those of set_rate(); stop() it first",
            )

    def _do_stop(self) -> None:
        """Stop until the pump confirms it; a second stop ends the program after its pause."""
        prompt, seen = "", list[str]()
        while prompt != "S":
            try:
                with suppress(UnknownOutcomeError, ProtocolError):
                    self._link.stop()
                before, prompt = prompt, self._read_prompt()
            except DeviceError as error:
                seen.append(error.message)
            else:
                if before == prompt == "P":
                    break  # it stands still, and will not end its program
                if prompt not in ("S", "P"):
                    seen.append(f"its state is {prompt!r}")
            if len(seen) == STOP_TROUBLES:
                raise self._fault(
                    UnknownOutcomeError,
                    f"the pump did not confirm that it stopped: {seen[-1]}",
                    "STP",
                )
        self._direction, self._in_program, self._fault_state = "", False, None

    def _do_read_state(self) -> PumpState:
        prompt = self._read_prompt()
        if self._fault_state is not None:
            return self._fault_state
        state = STATES[prompt]
        if state is PumpState.RUNNING and self._direction not in ("", *_directions(prompt)):
            return PumpState.FAULT  # somebody has reversed it, or purges it at full speed
        if state in AT_REST:
            self._direction = ""
        return state

    def _do_read_back(self) -> PumpReadBack:
        rate, unit = self._link.rate()
        return PumpReadBack(
            time_s=self.clock.now_s(),
            rate_ul_min=rate * unit.rate_ul_min,
            inner_diameter_mm=self._link.diameter_mm(),
        )

    def _do_read_dispensed_ul(self) -> float:
        if not self._counted:  # another program may have let it draw
            said = self._link.direction()
            self._counted = said if said in (INFUSE, WITHDRAW) else INFUSE
        counter_ul = self._counter(self._counted)
        if counter_ul < self._counter_ul:  # a person has cleared it
            self._earlier_ul += self._counter_ul
        self._counter_ul = counter_ul
        return self._earlier_ul + counter_ul

    def _counter(self, direction: str) -> float:
        """Volume [µL] in a direction since the counters were cleared."""
        infused_ul, withdrawn_ul = self._link.dispensed_ul()
        return infused_ul if direction == INFUSE else withdrawn_ul

    def _read_prompt(self) -> str:
        prompt = self._link.prompt()
        self._note_alarms()
        return prompt

    def _note_alarms(self) -> None:
        for alarm in self._link.take_alarms():
            self._fault_state = FAULTS.get(alarm, self._fault_state)

    def _set_number(self, what: str, text: str, read: Callable[[], float]) -> None:
        """Set a number unless the pump has it; compare it with the one that the pump keeps."""
        if _agree(read(), text):
            return
        self._link.set(f"{what}{text}")
        kept = read()
        if not _agree(kept, text):
            raise self._fault(
                RefusedError, f"the pump kept {what} {kept:g} instead of {text}", f"{what}{text}"
            )

    def _argument(self, rate_ul_min: float, *first: RateUnit) -> str:
        """The argument of `RAT` for a flow rate [µL/min]."""
        text = choose_rate(rate_ul_min, tuple(dict.fromkeys((*first, *RateUnit))))
        if text is None:
            raise OutOfRangeError(f"{self.name}: four digits cannot say {rate_ul_min:g} µL/min")
        return text

    def _limits_clause(self) -> str:
        limits = self.limits
        return (
            f"; expected limits are {limits.rate_min_ul_min:g} to {limits.rate_max_ul_min:g} µL/min"
        )

    def _require_healthy(self, state: PumpState) -> None:
        if state is PumpState.STALLED:
            raise self._fault(
                DeviceFaultError,
                "the pump stalled: its syringe is empty or its line is blocked; clear it and stop()"
                " before the next start",
            )
        if state is PumpState.FAULT:
            raise self._fault(
                DeviceFaultError, "the pump's program is wrong; stop() it before the next start"
            )

    @contextmanager
    def _unknown_if_lost(self, what: str, command: str) -> Iterator[None]:
        """The outcome of a command is unknown if it cannot be read back."""
        try:
            yield
        except (ConnectionLostError, ProtocolError, RefusedError) as error:
            raise self._fault(UnknownOutcomeError, f"{what}: {error}", command) from error


def _directions(prompt: str) -> list[str]:
    """The directions of a run whose prompt this is."""
    return [direction for direction, one in PROMPTS.items() if one == prompt]


def _end_guard(link: PumpLink) -> None:
    """Switch a time-out off, unless the pump runs: its alarm would sound after every run."""
    with suppress(DeviceError):
        if STATES[link.prompt()] in AT_REST:
            link.set_mode(0)


def _said(rate: float, unit: RateUnit) -> tuple[str, RateUnit]:
    """A flow rate as the pump and the driver say it, to be compared."""
    return decimal(rate), unit


def _agree(kept: float, text: str) -> bool:
    """Whether a pump keeps the number that was sent."""
    return decimal(kept) == decimal(float(text))


def _rounded(rate_ul_min: float, *, up: bool) -> float:
    """A limit of the flow rate [µL/min] as four digits say it, inside of the true limit."""
    text = choose_rate(rate_ul_min)
    assert text is not None
    number, unit = parse_rate(text)
    inside = number * unit.rate_ul_min
    if (inside < rate_ul_min * ALMOST) if up else (inside * ALMOST > rate_ul_min):
        step = 10.0 ** -len(text.removesuffix(unit.value).partition(".")[2])
        inside = (number + (step if up else -step)) * unit.rate_ul_min
    return inside
