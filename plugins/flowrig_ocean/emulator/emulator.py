"""An emulated HDX on loopback Ethernet or a virtual USB; python-seabreeze takes it for real."""

from collections.abc import Callable, Mapping

from flowrig.emulation import (
    DeviceFault,
    Emulator,
    EmulatorContext,
    Front,
    ProtocolCore,
    SocketFront,
    Variants,
)
from flowrig_ocean.emulator.instrument import HdxInstrument
from flowrig_ocean.emulator.variant import HDX, STS, HdxVariant
from flowrig_ocean.settings import UsbAddress, parse_address
from flowrig_ocean.wire.obp_frame import FrameReader, Message

__all__ = ["HdxEmulator", "HdxProtocol"]


class HdxProtocol:
    """One connection to an instrument.

    Args:
        instrument: the instrument that answers.
    """

    def __init__(self, instrument: HdxInstrument) -> None:
        self._instrument = instrument
        self._reader = FrameReader()

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return the answers."""
        answers = (self._instrument.answer(request) for request in self._reader.feed(data))
        variant = self._instrument.variant
        return b"".join(
            answer.encode(immediate=variant.immediate, checksum=variant.checksums)
            for answer in answers
            if answer is not None
        )


class HdxEmulator(Emulator):
    """An HDX on loopback Ethernet, or on a virtual USB if the settings name a USB address.

    Args:
        context: the emulated device and its world.
        variant: behaviour to emulate.
    """

    variants = Variants(HdxVariant, named={"HDX": HDX, "STS": STS})

    def __init__(self, context: EmulatorContext, variant: HdxVariant = HDX) -> None:
        super().__init__(context)
        serial_number = f"emulated {context.device}"
        self.instrument = HdxInstrument(
            context.world.spectrometer(context.device), context.clock, serial_number, variant
        )

        def new_core() -> ProtocolCore:
            return context.tap(HdxProtocol(self.instrument))

        over_usb = isinstance(parse_address(context.settings.address), UsbAddress)
        self._front: Front = (
            _usb_front(new_core, serial_number, variant)
            if over_usb
            else SocketFront(new_core, context.port)
        )

    def start(self) -> str:
        """Start to answer; returns "127.0.0.1:port" or "usb:SERIAL"."""
        return self._front.start()

    def stop(self) -> None:
        """Close all connections and free the port."""
        self._front.stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every spectrometer, and those of an HDX."""
        instrument = self.instrument
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "power off and on: the integration time is the shortest again", self._power_cycle
            ),
            "silent-refusal": DeviceFault(
                "settings are acknowledged and ignored",
                lambda on: setattr(instrument.faults, "ignores_sets", on),
            ),
            "nack": DeviceFault(
                "every message is answered with a NACK",
                lambda on: setattr(instrument.faults, "refuses", set(Message) if on else ()),
            ),
            "short-spectrum": DeviceFault(
                "spectra lack their last pixel",
                lambda on: setattr(instrument.faults, "spectrum_bytes_lost", 2 if on else 0),
            ),
        }

    def _power_cycle(self, on: bool) -> None:
        if on:
            self.stop()
            self.instrument.power_cycle()
            self.start()


def _usb_front(
    new_core: Callable[[], ProtocolCore], serial_number: str, variant: HdxVariant
) -> Front:
    # Imported here because it needs pyusb, and an emulator on Ethernet does not.
    from flowrig_ocean.emulator.virtual_usb import UsbFront, VirtualDevice

    device = VirtualDevice(new_core, variant.product_id, variant.packet_bytes)
    return UsbFront(device, serial_number)
