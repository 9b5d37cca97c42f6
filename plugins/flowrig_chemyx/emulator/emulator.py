"""An emulated Fusion pump on a wire: its firmware, motors and serial port put together."""

from collections.abc import Mapping

from flowrig.emulation import (
    DeviceFault,
    EmulatorContext,
    PumpBody,
    Variants,
)
from flowrig.interfaces import DeviceSettings
from flowrig_chemyx.emulator.firmware import FusionFirmware
from flowrig_chemyx.emulator.motor import Motor
from flowrig_chemyx.emulator.serial_port import SerialPort, Uart
from flowrig_chemyx.emulator.variant import DIALECTS, Variant
from flowrig_chemyx.settings import FusionSettings
from flowrig_serial.emulator import NewFront, SerialEmulator
from flowrig_serial.ticker import Ticker

__all__ = ["ChemyxEmulator"]


class _IdlePlunger:
    """The plunger of the channel that the simulated rig does not use."""

    inner_diameter_mm = 10.0
    fill_ul = 0.0
    moved_ul = 0.0
    stalled = False

    def push(self, rate_ul_min: float) -> None:
        """Do nothing."""


def _slow_down(motor: Motor) -> None:
    motor.change_rate(0.8 * motor.present_rate)


def _set_a_delay(motor: Motor) -> None:
    motor.set_delays([5.0])


def variant_of(settings: DeviceSettings) -> Variant:
    """The variant for the settings of a device: two channels if they name one."""
    return Variant(dual=isinstance(settings, FusionSettings) and bool(settings.channel))


class ChemyxEmulator(SerialEmulator):
    """An emulated Fusion on a serial port; a dual pump if the settings name a channel.

    The plunger of the world is that of the named channel, or of the first one.

    On a real clock the motors advance between requests. On the virtual clock they advance only
    when a request arrives, so that a run can be replayed bit for bit.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of this Fusion; by default those of `Variant`, with two channels if
            the settings name one.
        new_front: puts the core on a wire; by default as the context says: on a pseudo-terminal,
            on a TCP port, or on a direct wire.
        uart: settings of the serial port; by default the baud rate of the device's settings,
            without transmission time.

    Attributes:
        core: the firmware behind its serial port.
    """

    variants = Variants(Variant, named=DIALECTS, of_settings=variant_of)

    def __init__(
        self,
        context: EmulatorContext,
        variant: Variant | None = None,
        new_front: NewFront | None = None,
        uart: Uart | None = None,
    ) -> None:
        super().__init__(context)
        settings = context.settings
        if not isinstance(settings, FusionSettings):
            settings = FusionSettings(address="")
        variant = variant or variant_of(settings)
        channel = (settings.channel or 1) if variant.dual else 0
        bodies: dict[int, PumpBody] = {1: _IdlePlunger(), 2: _IdlePlunger()} if channel else {}
        bodies[channel] = context.world.pump(context.device)
        motors = {
            number: Motor(body, context.clock.now_s, variant) for number, body in bodies.items()
        }
        firmware = FusionFirmware(motors, variant, context.clock.now_s)
        self.core = SerialPort(
            firmware,
            uart or Uart(baud=settings.bauds[0]),
            context.clock,
            front=lambda: self._front,
        )
        self.put_on_wire(self.core, new_front)
        self._ticker = Ticker([firmware], self._front)

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
        """The faults of every pump, and those of a Fusion and its menu."""
        firmware = self.core.firmware
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "off and on: the pump stops and loses its settings", self._power_cycle
            ),
            "wrong-baud": DeviceFault(
                "another baud rate in the pump's menu: garbage in both directions", self._misset
            ),
            "silent-refusal": DeviceFault(
                "every set is ignored and answered with the old value", firmware.keep_old_values
            ),
            "nack": DeviceFault("every request is answered by Invalid Command!", firmware.reject),
            "panel-rate": DeviceFault(
                "a person sets the flow rate a fifth lower at the pump",
                lambda on: firmware.at_the_panel(_slow_down, on),
            ),
            "panel-start": DeviceFault(
                "a person starts the pump at the pump",
                lambda on: firmware.at_the_panel(Motor.start, on),
            ),
            "panel-delay": DeviceFault(
                "a person sets a delay at the pump, which the next run waits for",
                lambda on: firmware.at_the_panel(_set_a_delay, on),
            ),
            "half-request": DeviceFault(
                "a program that died has left a start without its end in the pump",
                firmware.leave_a_start,
            ),
        }

    def _power_cycle(self, on: bool) -> None:
        if on:
            self.core.firmware.power_cycle()

    def _misset(self, on: bool) -> None:
        self.core.is_misset = on
