"""An emulated F4T on loopback ports: a SCPI server and a Modbus server over one controller."""

import re
from collections.abc import Callable

from attrs import evolve

from flowrig.emulation import Burst, Emulator, EmulatorContext, HangUp, ProtocolCore, SocketFront
from flowrig.interfaces.device import DeviceSettings
from flowrig_watlow.bank import RegisterBank
from flowrig_watlow.commands import ScpiServer
from flowrig_watlow.controller import F4TController, F4TTraits
from flowrig_watlow.faults import FaultScript, FaultyCore
from flowrig_watlow.modbus import ModbusServer
from flowrig_watlow.settings import F4TSettings

__all__ = ["F4TProtocol", "WatlowEmulator"]

_LINE_END = re.compile(rb"[\r\n]+")


class F4TProtocol:
    """One SCPI connection to an emulated F4T: bytes in, bytes out.

    A request ends with LF, CR or both; an answer ends with LF.

    Args:
        controller: the state behind it.
    """

    def __init__(self, controller: F4TController) -> None:
        self._traits = controller.traits
        self._server = ScpiServer(controller)
        self._pending = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return what is answered to them."""
        *lines, self._pending = _LINE_END.split(self._pending + data)
        return b"".join(self._answer(line.decode("latin-1")) for line in lines if line.strip())

    def _answer(self, line: str) -> bytes:
        try:
            answer = self._server.run(line)
        except ValueError:
            answer = "ERROR" if self._traits.tells_errors else None
        if answer is None:
            return b"\n" if self._traits.newline_on_write and "?" not in line else b""
        return answer.encode("ascii") + b"\n"


class _MoodyCore:
    """A core that is as slow, silent or short-spoken as the unit's traits say."""

    def __init__(self, core: ProtocolCore, traits: F4TTraits, context: EmulatorContext) -> None:
        self._core = core
        self._traits = traits
        self._clock = context.clock

    def feed(self, data: bytes) -> bytes:
        if self._traits.hangs_up:
            raise HangUp
        self._clock.emulate_delay(self._traits.reply_delay_s)
        answer = self._core.feed(data)
        if self._traits.mute:
            return b""
        size = self._traits.reply_piece or len(answer) or 1
        return Burst([answer[start : start + size] for start in range(0, len(answer), size)])


class WatlowEmulator(Emulator):
    """An F4T on a loopback port, and on a second one if the settings name a Modbus address.

    Args:
        context: which device it plays, in which world.
        traits: what kind of unit it is; a plain one unless said otherwise.
        scpi_faults: what goes wrong with the bytes of SCPI.
        modbus_faults: what goes wrong with the bytes of Modbus.

    Attributes:
        traits: what kind of unit it is; may be changed any time.
        controller: the state behind both servers.
        scpi_faults: what goes wrong with the bytes of SCPI; faults may be planned any time.
        modbus_faults: the same for Modbus.
    """

    def __init__(
        self,
        context: EmulatorContext,
        traits: F4TTraits | None = None,
        scpi_faults: FaultScript | None = None,
        modbus_faults: FaultScript | None = None,
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
        self.scpi_faults = scpi_faults if scpi_faults is not None else FaultScript()
        self.modbus_faults = modbus_faults if modbus_faults is not None else FaultScript()
        self._servers: dict[str, Callable[[], ProtocolCore]] = {"address": self._scpi_core}
        if settings.modbus:
            self._servers["modbus"] = self._modbus_core
        self._fronts: dict[str, SocketFront] = {}
        self._addresses: dict[str, str] = {}

    def serve(self) -> DeviceSettings:
        """Begin to answer; returns the settings with both addresses."""
        address = self.start()
        return evolve(self._settings, address=address, modbus=self._addresses.get("modbus", ""))

    def start(self) -> str:
        """Begin to answer; returns the address of the SCPI server, "127.0.0.1:port"."""
        for name, new_core in self._servers.items():
            port = int(self._addresses.get(name, ":0").partition(":")[2])
            self._fronts[name] = SocketFront(new_core, port)
            self._addresses[name] = self._fronts[name].start()
        return self._addresses["address"]

    def stop(self) -> None:
        """Hang up and free the ports."""
        for front in self._fronts.values():
            front.stop()

    def power_cycle(self) -> None:
        """Hang up on everybody, lose what a controller without power loses, and answer again."""
        self.stop()
        self.controller.power_cycle()
        self.start()

    def _scpi_core(self) -> ProtocolCore:
        return self._on_the_wire(F4TProtocol(self.controller), self.scpi_faults)

    def _modbus_core(self) -> ProtocolCore:
        core = ModbusServer(RegisterBank(self.controller))
        return self._on_the_wire(core, self.modbus_faults)

    def _on_the_wire(self, core: ProtocolCore, faults: FaultScript) -> ProtocolCore:
        moody = _MoodyCore(core, self.traits, self.context)
        return self.context.tap(FaultyCore(moody, faults, self.context.clock))
