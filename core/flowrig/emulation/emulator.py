"""An emulated instrument that a real driver can be pointed at."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Self

from attrs import Factory, evolve, field, frozen

from flowrig.clock import Clock
from flowrig.emulation.device_fault import DeviceFault
from flowrig.emulation.disturbed_wire import DisturbedWire, When
from flowrig.emulation.fault_text import find_switch, parse_fault
from flowrig.emulation.faulty_world import FaultyWorld, with_faults
from flowrig.emulation.fronts import ProtocolCore
from flowrig.emulation.wire import Wire
from flowrig.interfaces.device import DeviceSettings

__all__ = ["MAIN_LINK", "Emulator", "EmulatorContext"]

MAIN_LINK = "main"
"""Name of the link of an instrument that has one."""


def _untapped(core: ProtocolCore) -> ProtocolCore:
    return core


@frozen
class EmulatorContext:
    """What an emulator is built from.

    Attributes:
        device: the device's name in the profile.
        settings: the settings that the driver will be opened with, but for the address.
        world: where its body is; each body can be given faults.
        clock: the run's clock.
        port: the TCP port to answer at, 0 for any; a serial instrument that is given one answers
            there instead of at a pseudo-terminal.
        wires: the wire of each link, by name, on which faults can be planned.

    Args:
        tap: what every protocol core goes through first, so that the conformance kit can listen to
            the wire and disturb it.
    """

    device: str
    settings: DeviceSettings
    world: FaultyWorld = field(converter=with_faults)
    clock: Clock
    _tap: Callable[[ProtocolCore], ProtocolCore] = field(default=_untapped, alias="tap")
    port: int = 0
    wires: dict[str, DisturbedWire] = field(
        init=False,
        default=Factory(lambda self: {MAIN_LINK: DisturbedWire(self.clock)}, takes_self=True),
    )

    def __attrs_post_init__(self) -> None:
        self.world.clock = self.clock

    def tap(self, core: ProtocolCore, link: str = MAIN_LINK) -> ProtocolCore:
        """Put the wire before a protocol core, on its way to a front.

        An emulator hands every core to its front through this: `serial_front(context.tap(core))`.

        Args:
            core: the core of one connection.
            link: which of the instrument's links it is on, where there are several.
        """
        return self.wire(link).wrap(self._tap(core))

    def wire(self, link: str = MAIN_LINK) -> DisturbedWire:
        """The wire of a link, made when it is first asked for."""
        return self.wires.setdefault(link, DisturbedWire(self.clock))


class Emulator(ABC):
    """One emulated instrument on loopback or a pseudo-terminal.

    What can go wrong with it is of two kinds. Wire faults strike the bytes of any instrument;
    device faults are those of what it moves and measures, which every instrument of a kind has, and
    those that its class declares in `fault_switches`. `inject` plans both.

    Args:
        context: which device it plays, in which world.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self.context = context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def serve(self) -> DeviceSettings:
        """Begin to answer; returns the settings of a driver that is to find this emulator.

        They are those of the context with the address from `start`; an emulator that answers at
        more than one address replaces the others as well.
        """
        return evolve(self.context.settings, address=self.start())

    @abstractmethod
    def start(self) -> str:
        """Begin to answer; returns the address in the form that the driver takes."""

    @abstractmethod
    def stop(self) -> None:
        """Stop answering and release the port; idempotent."""

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """What can be wrong with the instrument, by name.

        An emulator adds its own: `return {**super().fault_switches(), "nack": DeviceFault(…)}`.
        """
        return self.context.world.faults(self.context.device)

    @property
    def wire(self) -> DisturbedWire:
        """The wire of the instrument's only, or first, link."""
        return self.context.wires[MAIN_LINK]

    def switch(self, fault: str, on: bool = True) -> None:
        """Let a device fault happen now, or end it.

        Args:
            fault: its name in `fault_switches`.
            on: whether it happens or ends.

        Raises:
            InputError: there is no such fault; the message names the nearest.
        """
        find_switch(fault, self.fault_switches()).switch(on)

    def inject(self, fault: str) -> None:
        """Plan a fault by its text: a name and what differs from the usual, as "mute after=10".

        Names are those of `WIRE_FAULTS` and `fault_switches`. What can follow are the attributes of
        the wire fault ("drop byte=3"), those of `When` ("stall at_s=60 for_s=30"), and on an
        instrument with several links the name of one of them ("mute link=modbus").

        On the virtual clock a device fault begins and ends when the instrument is next asked, so
        that a run replays bit for bit.

        Raises:
            InputError: the text is no fault of this instrument; the message says what would be.
        """
        planned = parse_fault(fault, self.fault_switches(), self.context.wires)
        wire = self.context.wires[planned.link]
        if isinstance(planned.fault, Wire):
            wire.plan(planned.fault, planned.when)
            return
        wire.plan_switch(planned.fault.switch, planned.when)
        wire.follow()
        if not self.context.clock.is_virtual:
            self._follow(wire, planned.when)

    def heal(self) -> None:
        """End every fault that was planned or switched on."""
        for wire in self.context.wires.values():
            wire.clear()
        for fault in self.fault_switches().values():
            fault.switch(False)

    def _follow(self, wire: DisturbedWire, when: When) -> None:
        """Look for switches to throw when their time begins and ends, whoever asks."""
        for time_s in (when.at_s, when.at_s + when.for_s):
            wait_s = time_s - self.context.clock.now_s()
            if 0.0 < wait_s < threading.TIMEOUT_MAX:
                timer = threading.Timer(wait_s, wire.follow)
                timer.daemon = True
                timer.start()
