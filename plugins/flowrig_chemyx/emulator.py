"""An emulated Fusion pump on a wire: `flowrig_chemyx.firmware` over `flowrig_chemyx.drive`."""

from collections.abc import Callable

from flowrig.emulation import (
    Emulator,
    EmulatorContext,
    Front,
    ProtocolCore,
    PumpBody,
    SocketFront,
    serial_front,
)
from flowrig_chemyx.dialect import Dialect, Uart
from flowrig_chemyx.drive import Drive
from flowrig_chemyx.faults import Faults, FaultyLine, random_script
from flowrig_chemyx.firmware import FusionProtocol
from flowrig_chemyx.follower import Follower
from flowrig_chemyx.settings import FusionSettings

__all__ = ["ChemyxEmulator", "Dialect", "Faults", "FusionProtocol", "Uart", "random_script"]


class _NoSyringe:
    """The motor of a channel that nothing is mounted on."""

    inner_diameter_mm = 10.0
    fill_ul = 0.0
    moved_ul = 0.0
    stalled = False

    def push(self, rate_ul_min: float) -> None:
        """Move nothing."""


class ChemyxEmulator(Emulator):
    """An emulated Fusion on a serial port; a dual one if the settings name a channel.

    On a real clock its motors go on between requests; on the virtual clock they follow when they
    are asked, so that a run replays bit for bit.

    Args:
        context: which device it plays, in which world.
        dialect: what kind of Fusion it is; by default what the settings call for.
        new_front: puts the core on a wire.
        uart: its serial port; by default one at the line speed of the settings that takes no time.

    Attributes:
        core: the wire, with the switches for faults.
    """

    def __init__(
        self,
        context: EmulatorContext,
        dialect: Dialect | None = None,
        new_front: Callable[[ProtocolCore], Front] = serial_front,
        uart: Uart | None = None,
    ) -> None:
        super().__init__(context)
        settings = context.settings
        if not isinstance(settings, FusionSettings):
            settings = FusionSettings(address="")
        channel = settings.channel or 0
        dialect = dialect or Dialect(dual=channel > 0)
        bodies: dict[int, PumpBody] = {1: _NoSyringe(), 2: _NoSyringe()} if channel else {}
        bodies[channel] = context.world.pump(context.device)
        drives = {
            number: Drive(body, context.clock.now_s, dialect) for number, body in bodies.items()
        }
        firmware = FusionProtocol(drives, dialect)
        self.core = FaultyLine(
            firmware,
            uart or Uart(baud=settings.bauds[0]),
            context.clock,
            front=lambda: self._front,
        )
        self._front = new_front(context.tap(self.core))
        self._follower = Follower(firmware, self._front)

    def start(self) -> str:
        """Begin to answer; returns a port path, or "socket://host:port" on a TCP front."""
        address = self._front.start()
        if not self.context.clock.is_virtual:
            self._follower.start()
        return f"socket://{address}" if isinstance(self._front, SocketFront) else address

    def stop(self) -> None:
        """Hang up."""
        self._follower.stop()
        self._front.stop()

    def power_cycle(self) -> None:
        """Switch the pump off and on: it stands still and has forgotten what it was told."""
        self.core.firmware.power_cycle()

    def jam(self) -> None:
        """Block the plungers: a motor that runs stalls."""
        self.core.firmware.jam()
