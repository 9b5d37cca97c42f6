"""An emulated F4T on loopback ports: a SCPI server and a Modbus server over one controller."""

import contextlib
import re
import threading
from collections.abc import Callable, Mapping

from attrs import evolve

from flowrig.emulation import (
    Burst,
    DeviceFault,
    Emulator,
    EmulatorContext,
    ProtocolCore,
    SocketFront,
    Variants,
)
from flowrig.interfaces.device import DeviceSettings
from flowrig_watlow.emulator.controller import F4TController, F4TTraits
from flowrig_watlow.emulator.modbus_server import ModbusServer
from flowrig_watlow.emulator.register_bank import RegisterBank
from flowrig_watlow.emulator.scpi_server import ScpiServer
from flowrig_watlow.registers import ControlMode
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["F4TProtocol", "WatlowEmulator"]

MODBUS_LINK = "modbus"
LATE_S = 3.0
"""Time [s] after which a slow controller takes a set point."""
PANEL_STEP_C = 30.0
QUIET_S = 0.1
"""Time [s, real time] without further bytes after which a command without a line end is complete.
"""
_REQUEST_END = re.compile(rb"[\r\n]+|(?<=\?)(?=[;:*]|\Z)")
_BEGINNINGS = (b":", b"*")
"""First bytes of a request behind a command without a line end."""


class F4TProtocol:
    """One SCPI connection to an emulated F4T: bytes in, bytes out.

    A request ends with LF, CR or both, and a query with its question mark, if
    nothing follows it at once; an answer ends with LF.
    A command without a line end is carried out when the next request begins, or, on a real clock,
    when nothing follows for a moment.

    Args:
        controller: state of the controller.
        send: sends bytes without a request, for commands without a line end; None where they wait
            for the next request.
    """

    def __init__(
        self, controller: F4TController, send: Callable[[bytes], None] | None = None
    ) -> None:
        self._traits = controller.traits
        self._server = ScpiServer(controller)
        self._pending = b""
        self._send = send
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return the answers."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            if b" " in self._pending.strip() and data[:1] in _BEGINNINGS:
                self._pending += b"\n"
            *requests, self._pending = _REQUEST_END.split(self._pending + data)
            answer = b"".join(self._answer(one.decode("latin-1")) for one in requests)
            if self._send is not None and b" " in self._pending.strip():
                self._timer = threading.Timer(QUIET_S, self._carry_out_pending)
                self._timer.daemon = True
                self._timer.start()
        return answer

    def _carry_out_pending(self) -> None:
        with self._lock:
            request, self._pending = self._pending, b""
            answer = self._answer(request.decode("latin-1"))
        if answer and self._send is not None:
            with contextlib.suppress(OSError):
                self._send(answer)

    def _answer(self, line: str) -> bytes:
        line = line.strip().lstrip(";").strip()
        if not line:
            return b""
        if self._traits.rejects:
            return b"ERROR\n"
        try:
            answer = self._server.run(line)
        except ValueError:
            answer = self._complaint()
        if answer is None:
            return b"\n" if self._traits.newline_on_write and "?" not in line else b""
        return answer.encode("ascii") + b"\n"

    def _complaint(self) -> str | None:
        if self._traits.comments_errors:
            return "Inbound SCPI ERROR: -113, undefined header"
        return "ERROR" if self._traits.tells_errors else None


class _InPieces:
    """A core whose answers are sent in pieces of the size in the traits."""

    def __init__(self, core: ProtocolCore, traits: F4TTraits) -> None:
        self._core = core
        self._traits = traits

    def feed(self, data: bytes) -> bytes:
        answer = self._core.feed(data)
        size = self._traits.reply_piece
        if not size:
            return answer
        return Burst([answer[start : start + size] for start in range(0, len(answer), size)])


class WatlowEmulator(Emulator):
    """An F4T on a loopback port, and on a second one if the settings name a Modbus address.

    The second port also opens if the context names a port for `modbus`.

    Args:
        context: the emulated device and its world.
        traits: firmware and installation to emulate; None for the defaults.

    Attributes:
        traits: firmware and installation; may be changed at any time.
        controller: state that both servers share.
    """

    variants = Variants(F4TTraits)

    def __init__(
        self,
        context: EmulatorContext,
        traits: F4TTraits | None = None,
    ) -> None:
        super().__init__(context)
        settings = context.settings
        assert isinstance(settings, F4TSettings)
        self._settings = settings
        self.traits = traits if traits is not None else F4TTraits()
        self.controller = F4TController(
            context.world.heater(context.device),
            context.clock,
            settings.loop,
            settings.idle_c,
            self.traits,
        )
        self.controller.serial_number = context.serial_number
        # On the virtual clock only bytes decide, so that a run can be repeated.
        speaker = None if context.clock.is_virtual else self._scpi_speaker
        direct = context.is_direct
        scpi = SocketFront(self._scpi_core, context.port, new_speaker=speaker, direct=direct)
        self._fronts = {"address": scpi}
        if settings.modbus or MODBUS_LINK in context.ports:
            port = context.ports.get(MODBUS_LINK, 0)
            self._fronts[MODBUS_LINK] = SocketFront(self._modbus_core, port, direct=direct)
            context.wire(MODBUS_LINK)
        self._addresses: dict[str, str] = {}

    def serve(self) -> DeviceSettings:
        """Start both servers; returns the settings with their addresses."""
        address = self.start()
        return evolve(self._settings, address=address, modbus=self._addresses.get(MODBUS_LINK, ""))

    def start(self) -> str:
        """Start the servers; returns the address of the SCPI server, "127.0.0.1:port"."""
        self._addresses = {name: front.start() for name, front in self._fronts.items()}
        return self._addresses["address"]

    def stop(self) -> None:
        """Close all connections and free the ports."""
        for front in self._fronts.values():
            front.stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every heater, and those of an F4T."""
        traits = self.traits
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "power off and on: connections end, outputs and the profile are off",
                self._power_cycle,
            ),
            "silent-refusal": DeviceFault(
                "every write is ignored without an error",
                lambda on: setattr(traits, "refuses_sets", on),
            ),
            "nack": DeviceFault(
                "every SCPI command is answered by ERROR",
                lambda on: setattr(traits, "rejects", on),
            ),
            "panel-set-point": DeviceFault(
                f"a person raises the set point by {PANEL_STEP_C:g} °C at the panel",
                self._raise_set_point,
            ),
            "panel-loop-off": DeviceFault(
                "a person switches the control loop off at the panel", self._switch_loop_off
            ),
            "panel-profile": DeviceFault(
                "a person starts a stored profile at the panel", self._start_profile
            ),
            "foreign-unit": DeviceFault(
                "another program changes the temperature unit of SCPI", self._change_unit
            ),
            "sensor-without-value": DeviceFault(
                "the sensor is open, which shows as 9.91E+37 and not as an error",
                self._hide_open_sensor,
            ),
            "late-set-points": DeviceFault(
                f"a set point is taken {LATE_S:g} s after it was sent",
                lambda on: setattr(traits, "takes_s", LATE_S if on else 0.0),
            ),
        }

    def _raise_set_point(self, on: bool) -> None:
        if on:
            with self.controller.moment():
                wanted_c = self.controller.user_set_point_c + PANEL_STEP_C
                highest_c = self.traits.set_point_max_c
                self.controller.user_set_point_c = min(wanted_c, highest_c)

    def _switch_loop_off(self, on: bool) -> None:
        if on:
            with self.controller.moment():
                self.controller.mode = ControlMode.OFF

    def _start_profile(self, on: bool) -> None:
        if on:
            with self.controller.moment():
                self.controller.start_program(1, 1)

    def _change_unit(self, on: bool) -> None:
        if on:
            celsius = self.traits.unit is TemperatureUnit.CELSIUS
            self.traits.unit = TemperatureUnit.FAHRENHEIT if celsius else TemperatureUnit.CELSIUS

    def _hide_open_sensor(self, on: bool) -> None:
        self.traits.hides_open_sensor = on
        super().fault_switches()["open-sensor"].switch(on)

    def _power_cycle(self, on: bool) -> None:
        if on:
            self.stop()
            self.controller.power_cycle()
            self.start()

    def _scpi_core(self) -> ProtocolCore:
        return self.context.tap(_InPieces(F4TProtocol(self.controller), self.traits))

    def _scpi_speaker(self, send: Callable[[bytes], None]) -> ProtocolCore:
        return self.context.tap(_InPieces(F4TProtocol(self.controller, send), self.traits))

    def _modbus_core(self) -> ProtocolCore:
        core = ModbusServer(RegisterBank(self.controller))
        return self.context.tap(_InPieces(core, self.traits), MODBUS_LINK)
