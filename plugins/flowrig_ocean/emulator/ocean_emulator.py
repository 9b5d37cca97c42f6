"""Emulators of the other Ocean spectrometers, on a virtual USB."""

import zlib
from collections.abc import Iterator, Mapping
from typing import Any, Final

from flowrig.emulation import DeviceFault, Emulator, EmulatorContext, ProtocolCore, Variants
from flowrig.errors import InputError
from flowrig.interfaces import DeviceSettings
from flowrig_ocean.emulator.emulator import HdxEmulator, serial_number_of
from flowrig_ocean.emulator.ooi_instrument import REQUEST_SPECTRUM, OoiInstrument, OoiProtocol
from flowrig_ocean.emulator.ooi_variant import OOI_MODELS, USB2000PLUS, OoiVariant
from flowrig_ocean.emulator.spectrometer import SpectrometerEmulator
from flowrig_ocean.emulator.variant import SPARK, STS, VENTANA, HdxVariant

__all__ = ["MODELS", "OceanEmulator", "OoiEmulator"]

ANSWERS: Final = 0x81
SPECTRA: Final = 0x82
FIRST_PIXELS: Final = 0x86
FIRST_BYTES: Final = 2048

MODELS: Final[Mapping[str, OoiVariant | HdxVariant]] = {
    **OOI_MODELS,
    "STS": STS,
    "SPARK": SPARK,
    "VENTANA": VENTANA,
}
"""The models that are emulated, by python-seabreeze's names."""


def variant_of(settings: DeviceSettings) -> OoiVariant | HdxVariant:
    """The variant for the settings of a driver; a USB2000+ if they name no model.

    Raises:
        InputError: there is no emulator of this model.
    """
    model = getattr(settings, "model", "")
    if model and model not in MODELS:
        raise InputError(
            f"there is no emulator of the model {model!r}, only of {', '.join(MODELS)}"
        )
    return MODELS[model] if model else USB2000PLUS


class OoiEmulator(SpectrometerEmulator):
    """A spectrometer with OOI on the virtual USB.

    Args:
        context: the emulated device and its world.
        variant: model to emulate.
    """

    EXTERNAL_TRIGGER = 3
    instrument: OoiInstrument

    def __init__(self, context: EmulatorContext, variant: OoiVariant = USB2000PLUS) -> None:
        # Imported here because it needs pyusb.
        from flowrig_ocean.emulator.virtual_usb import UsbFront, VirtualDevice

        super().__init__(context)
        # The slot has 14 characters, in which the names of two devices may begin alike.
        serial_number = f"EMU{zlib.crc32(serial_number_of(context).encode()):08X}"
        self.instrument = OoiInstrument(
            context.world.spectrometer(context.device), context.clock, serial_number, variant
        )

        def new_core() -> ProtocolCore:
            return context.tap(OoiProtocol(self.instrument))

        device = VirtualDevice(new_core, variant.product_id, variant.packet_bytes, self._route)
        self._front = UsbFront(device, serial_number)

    def start(self) -> str:
        """Plug it in; returns "usb:SERIAL"."""
        return self._front.start()

    def stop(self) -> None:
        """Pull the plug."""
        self._front.stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every spectrometer, and those of one with OOI."""
        instrument = self.instrument
        return {
            **super().fault_switches(),
            "silent-refusal": DeviceFault(
                "settings are ignored", lambda on: setattr(instrument, "ignores_sets", on)
            ),
            "short-spectrum": DeviceFault(
                "spectra lack their last pixel",
                lambda on: setattr(instrument, "spectrum_bytes_lost", 2 if on else 0),
            ),
        }

    def _route(self, command: bytes, answer: bytes) -> Iterator[tuple[int, bytes]]:
        """The endpoints from which the parts of an answer come."""
        if command[:1] != bytes([REQUEST_SPECTRUM]):
            yield ANSWERS, answer
        elif self.instrument.variant.split:
            yield FIRST_PIXELS, answer[:FIRST_BYTES]
            yield SPECTRA, answer[FIRST_BYTES:]
        else:
            yield SPECTRA, answer


class OceanEmulator(Emulator):
    """The spectrometer of the model in the settings, on the virtual USB.

    Args:
        context: the emulated device and its world.
        variant: behaviour to emulate; None for that of the model.
    """

    variants = Variants(OoiVariant, named=MODELS, of_settings=variant_of)

    def __init__(
        self, context: EmulatorContext, variant: OoiVariant | HdxVariant | None = None
    ) -> None:
        super().__init__(context)
        wanted = variant or variant_of(context.settings)
        self._inner: OoiEmulator | HdxEmulator = (
            HdxEmulator(context, wanted, over_usb=True)
            if isinstance(wanted, HdxVariant)
            else OoiEmulator(context, wanted)
        )

    @classmethod
    def num_pixels(cls, settings: DeviceSettings) -> int:
        """Number of pixels of the model."""
        return variant_of(settings).pixels

    @property
    def instrument(self) -> Any:
        """The emulated instrument."""
        return self._inner.instrument

    def start(self) -> str:
        """Plug it in; returns "usb:SERIAL"."""
        return self._inner.start()

    def stop(self) -> None:
        """Pull the plug."""
        self._inner.stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of the model."""
        return self._inner.fault_switches()
