"""Models of spectrometers that speak OOI, the older protocol."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from flowrig_ocean.emulator.variant import NONLINEARITY
from flowrig_ocean.settings import COUNTS_MAX

__all__ = ["OOI_MODELS", "USB2000PLUS", "OoiVariant"]


@frozen(kw_only=True)
class OoiVariant:
    """Behaviour of an emulated spectrometer with OOI; the defaults are those of a USB2000+.

    Sources: python-seabreeze (`devices.py`, `features`), Flame-S manual 225-00000-000-11-201604,
    python-oceanoptics (packets of a spectrum, for each model).

    Attributes:
        product_id: USB product id.
        pixels: number of pixels.
        firmware: major version of the gate array; python-seabreeze takes 3 and above for a Flame-S.
        integration_time_min_us: shortest integration time [µs]; a shorter one is ignored.
        integration_time_max_us: longest integration time [µs]; a longer one is ignored.
        counts_max: top of the converter [counts].
        saturation_counts: counts at which every pixel stops to grow, which the instrument stores;
            python-seabreeze stretches spectra from it to full scale.
        flipped_bits: bits of each count that are sent inverted.
        split: whether the first 2048 bytes of a spectrum come from an endpoint of their own.
        nonlinearity: coefficients that the instrument stores.
        runs_freely: whether the first spectrum after a change of the integration time was still
            exposed with the old value.
        packet_bytes: largest packet [bytes] of the USB endpoints; 64 at full speed, 512 at high
            speed.
    """

    product_id: int = 0x101E
    pixels: int = 2048
    firmware: int = 1
    integration_time_min_us: int = 1_000
    integration_time_max_us: int = 655_350_000
    counts_max: int = COUNTS_MAX
    saturation_counts: int = COUNTS_MAX
    flipped_bits: int = 0
    split: bool = False
    nonlinearity: tuple[float, ...] = NONLINEARITY
    runs_freely: bool = True
    packet_bytes: int = 512


USB2000PLUS: Final = OoiVariant()
"""A USB2000+."""

OOI_MODELS: Final[Mapping[str, OoiVariant]] = {
    "USB2000PLUS": USB2000PLUS,
    "FLAMES": OoiVariant(firmware=3),
    "HR2000PLUS": OoiVariant(
        product_id=0x1016, counts_max=16_383, saturation_counts=16_383, flipped_bits=0x2000
    ),
    "USB4000": OoiVariant(product_id=0x1022, pixels=3840, integration_time_min_us=10, split=True),
    "HR4000": OoiVariant(
        product_id=0x1012,
        pixels=3840,
        integration_time_min_us=10,
        counts_max=16_383,
        saturation_counts=16_383,
        flipped_bits=0x2000,
        split=True,
    ),
}
"""The models that are emulated, by python-seabreeze's names."""
