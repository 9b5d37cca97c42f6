"""An emulated New Era pump on a wire, alone or on a chain with others."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from flowrig.emulation import (
    DeviceFault,
    EmulatorContext,
    PumpBody,
    Variants,
)
from flowrig_newera.emulator.firmware import Firmware
from flowrig_newera.emulator.motor import Motor
from flowrig_newera.emulator.variant import DIALECTS, Variant
from flowrig_newera.settings import NewEraSettings
from flowrig_serial.emulator import NewFront, SerialEmulator
from flowrig_serial.ticker import Ticker

__all__ = ["NewEraEmulator"]

GARBLE: Final = 0x80
"""Bit that is set in every byte at a wrong line speed, so that no byte is ASCII."""


class _IdlePlunger:
    """The plunger of a pump that the simulated rig does not use."""

    inner_diameter_mm = 14.0
    fill_ul = 0.0
    moved_ul = 0.0
    stalled = False

    def push(self, rate_ul_min: float) -> None:
        """Do nothing."""


class _Chain:
    """Pumps on one line: each takes all bytes, and answers those for its address.

    Args:
        pumps: the pumps.
        baud: line speed in their menus.
        client_baud: reads the line speed of the client, None where it is not known.

    Attributes:
        is_misset: whether the menu of the pumps has another line speed.
    """

    def __init__(
        self, pumps: Sequence[Firmware], baud: int, client_baud: Callable[[], int | None]
    ) -> None:
        self.is_misset = False
        self._pumps = pumps
        self._baud = baud
        self._client_baud = client_baud

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        if self.is_misset or self._client_baud() not in (None, self._baud):
            return bytes(byte | GARBLE for byte in data)
        return b"".join(pump.feed(data) for pump in self._pumps)


class NewEraEmulator(SerialEmulator):
    """An emulated pump on a serial port, at the address of the settings; other pumps are idle.

    On a real clock the motors advance between requests. On the virtual clock they advance only
    when a request arrives, so that a run can be replayed bit for bit.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of this pump.
        new_front: puts the core on a wire; by default as the context says: on a pseudo-terminal,
            on a TCP port, or on a direct wire.
        baud: line speed of the pump; None takes that of the settings and hears every client. With
            a number, a client with another line speed on a pseudo-terminal gets garbage.

    Attributes:
        pumps: the firmware of every pump on the chain, that of the settings first.
    """

    variants = Variants(Variant, named=DIALECTS)

    def __init__(
        self,
        context: EmulatorContext,
        variant: Variant | None = None,
        new_front: NewFront | None = None,
        baud: int | None = None,
    ) -> None:
        super().__init__(context)
        settings = context.settings
        if not isinstance(settings, NewEraSettings):
            settings = NewEraSettings(address="")
        variant = variant or Variant()
        bodies: dict[int, PumpBody] = {settings.pump: context.world.pump(context.device)}
        for other in variant.others:
            bodies.setdefault(other, _IdlePlunger())
        now_s = context.clock.now_s
        self.pumps = [
            Firmware(Motor(body, now_s, variant), address, variant, now_s)
            for address, body in bodies.items()
        ]
        self._chain = _Chain(
            self.pumps, baud or settings.bauds[0], lambda: self._front.baud if baud else None
        )
        self.put_on_wire(self._chain, new_front)
        self._ticker = Ticker(self.pumps, self._front)

    def start(self) -> str:
        """Start to answer; returns a port path, or "socket://host:port" on a TCP front."""
        address = super().start()
        if not self.context.clock.is_virtual:
            self._ticker.start()
        return address

    def stop(self) -> None:
        """Stop to answer, and close the wire."""
        self._ticker.stop()
        super().stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every pump, and those of a New Era pump and its menu."""
        pump = self.pumps[0]
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "off and on: the pump stops, and reports it with its next reply",
                lambda on: pump.power_cycle() if on else None,
            ),
            "wrong-baud": DeviceFault(
                "another line speed in the pump's menu: garbage in both directions", self._misset
            ),
            "silent-refusal": DeviceFault(
                "flow rate, diameter and volume are confirmed, but the old ones are kept",
                pump.keep_old_values,
            ),
            "panel-rate": DeviceFault(
                "a person sets the flow rate a fifth lower at the pump",
                lambda on: pump.at_the_panel(_slow_down) if on else None,
            ),
            "panel-start": DeviceFault(
                "a person starts the pump at the pump",
                lambda on: pump.at_the_panel(_start) if on else None,
            ),
            "panel-reverse": DeviceFault(
                "a person reverses the pump at the pump",
                lambda on: pump.at_the_panel(_reverse) if on else None,
            ),
            "half-request": DeviceFault(
                "a program that died has left a start without its end in the pump",
                lambda on: pump.leave_half_a_start() if on else None,
            ),
        }

    def _misset(self, on: bool) -> None:
        self._chain.is_misset = on


def _slow_down(motor: Motor) -> None:
    step = motor.running_step
    motor.set_rate(0.8 * step.rate, step.unit)


def _start(motor: Motor) -> None:
    if not motor.is_running:
        motor.run()


def _reverse(motor: Motor) -> None:
    motor.set_direction("WDR" if motor.running_step.direction == "INF" else "INF")
