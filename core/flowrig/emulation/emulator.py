"""Emulated instruments: servers that real drivers can connect to."""

import threading
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import ClassVar, Self

from attrs import Factory, evolve, field, frozen

from flowrig.clock import Clock
from flowrig.emulation.bench_world import NUM_PIXELS
from flowrig.emulation.core import ProtocolCore
from flowrig.emulation.device_fault import DeviceFault
from flowrig.emulation.disturbed_wire import DisturbedWire, When
from flowrig.emulation.fault_text import find_switch, parse_fault
from flowrig.emulation.faulty_world import FaultyWorld, with_faults
from flowrig.emulation.variant import Variants
from flowrig.emulation.wire import Wire
from flowrig.interfaces.device import DeviceSettings

__all__ = ["MAIN_LINK", "Emulator", "EmulatorContext"]

MAIN_LINK = "main"
"""Name of the only, or first, link of an instrument."""


def _untapped(core: ProtocolCore) -> ProtocolCore:
    return core


@frozen
class EmulatorContext:
    """The arguments of an emulator.

    Attributes:
        device: the device's name in the profile.
        settings: the settings of the driver; the address in them does not matter.
        world: the world with the instrument's body; its bodies can be given faults.
        clock: the run's clock.
        port: the TCP port to serve at, 0 for any. A serial instrument with a port serves there
            instead of at a pseudo-terminal.
        ports: the TCP ports of further addresses, by their key in the settings ("modbus"); an
            address that is not in it gets any port.
        is_direct: whether only drivers of this process connect, so that a front may answer them in
            their own thread.
        wires: the wire of each link by name; faults are planned on them.

    Args:
        tap: wraps every protocol core before the wire does; the conformance kit records and
            disturbs the exchanges with it.
    """

    device: str
    settings: DeviceSettings
    world: FaultyWorld = field(converter=with_faults)
    clock: Clock
    _tap: Callable[[ProtocolCore], ProtocolCore] = field(default=_untapped, alias="tap")
    port: int = 0
    ports: Mapping[str, int] = field(factory=dict, kw_only=True)
    is_direct: bool = field(default=False, kw_only=True)
    wires: dict[str, DisturbedWire] = field(
        init=False,
        default=Factory(lambda self: {MAIN_LINK: DisturbedWire(self.clock)}, takes_self=True),
    )

    def __attrs_post_init__(self) -> None:
        self.world.clock = self.clock

    @property
    def serial_number(self) -> str:
        """Ten digits of its own for each device of a rig, and for each port that is asked for."""
        return f"{zlib.crc32(f'{self.device} {self.port}'.encode()):010d}"

    def tap(self, core: ProtocolCore, link: str = MAIN_LINK) -> ProtocolCore:
        """Put the wire of a link in front of a protocol core.

        An emulator does this with every core before it serves it:
        `serial_front(context.tap(core), context.port, direct=context.is_direct)`.

        Args:
            core: the core of one connection.
            link: name of the link, for instruments with several.
        """
        return self.wire(link).wrap(self._tap(core))

    def wire(self, link: str = MAIN_LINK) -> DisturbedWire:
        """The wire of a link; the first call for a name makes it."""
        return self.wires.setdefault(link, DisturbedWire(self.clock))


class Emulator(ABC):
    """One emulated instrument on loopback or a pseudo-terminal.

    It can have two kinds of faults; `inject` plans both. Wire faults change the bytes of any
    instrument. Device faults are those of the body behind the instrument, which all instruments of
    a kind have, and those that the emulator's class adds in `fault_switches`.

    Args:
        context: device, settings, world and clock.

    Attributes:
        variants: the differences between instruments that the class can emulate, if there are any.
            Such a class takes a variant as its second argument.
    """

    variants: ClassVar[Variants | None] = None

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

    @classmethod
    def num_pixels(cls, settings: DeviceSettings) -> int:
        """Number of pixels of an emulated spectrometer, for a world that can choose.

        Args:
            settings: settings of the driver, which may name the model.
        """
        return NUM_PIXELS

    def serve(self) -> DeviceSettings:
        """Start to serve; returns the settings with which a driver finds this emulator.

        These are the settings of the context with the address from `start`. An emulator that serves
        at several addresses overrides this method and replaces the other addresses as well.
        """
        return evolve(self.context.settings, address=self.start())

    @abstractmethod
    def start(self) -> str:
        """Start to serve; returns the address in the form that the driver takes."""

    @abstractmethod
    def stop(self) -> None:
        """Stop serving and release the port; idempotent."""

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The device faults of the instrument, by name.

        An emulator adds its own: `return {**super().fault_switches(), "nack": DeviceFault(…)}`.
        """
        return self.context.world.faults(self.context.device)

    @property
    def wire(self) -> DisturbedWire:
        """The wire of the instrument's only, or first, link."""
        return self.context.wires[MAIN_LINK]

    def switch(self, fault: str, on: bool = True) -> None:
        """Begin a device fault now, or end it.

        Args:
            fault: its name in `fault_switches`.
            on: whether the fault begins or ends.

        Raises:
            InputError: there is no such fault; the message suggests the nearest name.
        """
        find_switch(fault, self.fault_switches()).switch(on)

    def inject(self, fault: str) -> None:
        """Plan a fault by its text: a name, then options, as in "mute after=10".

        Names are those of `WIRE_FAULTS` and `fault_switches`. Options are the attributes of the
        wire fault ("drop byte=3"), those of `When` ("stall at_s=60 for_s=30"), and for an
        instrument with several links the name of one ("mute link=modbus").

        On the virtual clock a device fault begins and ends with the next exchange after its time,
        so a run replays bit for bit.

        Raises:
            InputError: this instrument has no such fault or option; the message names the valid
                ones.
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
        """End all planned faults and all device faults."""
        for wire in self.context.wires.values():
            wire.clear()
        for fault in self.fault_switches().values():
            fault.switch(False)

    def _follow(self, wire: DisturbedWire, when: When) -> None:
        """Set timers that throw switches at begin and end, for the time without exchanges."""
        for time_s in (when.at_s, when.at_s + when.for_s):
            wait_s = time_s - self.context.clock.now_s()
            if 0.0 < wait_s < threading.TIMEOUT_MAX:
                timer = threading.Timer(wait_s, wire.follow)
                timer.daemon = True
                timer.start()
