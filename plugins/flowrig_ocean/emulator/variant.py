"""Variants of emulated spectrometers: known and assumed differences."""

from typing import Final, Literal

from attrs import frozen

from flowrig_ocean.settings import COUNTS_MAX, INTEGRATION_TIME_MAX_US, INTEGRATION_TIME_MIN_US
from flowrig_ocean.wire.obp_frame import Message

__all__ = ["HDX", "NONLINEARITY", "SPARK", "STS", "VENTANA", "HdxVariant"]

NONLINEARITY: Final = (0.9642, 2.35e-6, -4.9e-11, 5.1e-16, -3.0e-21, 1.0e-26, -2.0e-32, 1.0e-38)
"""Made-up coefficients of the size that the maker stores: within 4 % of 1 from dark to full."""


@frozen(kw_only=True)
class HdxVariant:
    """Behaviour of an emulated spectrometer with OBP; the defaults are those assumed for an HDX.

    Attributes:
        product_id: USB product id, which is also the answer to GET_PRODUCT_ID.
        device_string: the name that the instrument gives itself.
        pixels: number of pixels.
        spectrum_message: message type of the query for a spectrum.
        integration_time_min_us: shortest integration time [µs] that is accepted.
        integration_time_max_us: longest integration time [µs] that is accepted.
        counts_max: top of the converter [counts].
        saturation_counts: counts at which every pixel stops to grow.
        nonlinearity: coefficients that the instrument stores. GET_SPECTRUM is corrected with them,
            GET_RAW_SPECTRUM is not, by libseabreeze's names of these messages.
        lamp: whether the lamp-enable message is acknowledged, obeyed without an answer, or
            unknown. For a real HDX this is not known.
        runs_freely: whether the first spectrum after a change of the integration time was still
            exposed with the old value (python-seabreeze, issues 38, 110 and 177).
        tells_settings: whether settings can be read back; for a real HDX this is not known.
        bins: whether pixels can be binned.
        buffers: whether spectra can be buffered.
        unknown: whether a message that the instrument does not know is refused, or not answered.
        checksums: whether answers carry MD5 sums, which python-seabreeze and libseabreeze both
            accept.
        immediate: whether short answers are sent in the header, or behind it like long ones.
        serial_number_padding: zero bytes behind the serial number, not counted in the reported
            length.
        packet_bytes: largest packet [bytes] of the USB endpoints.
        answers_endpoint: USB endpoint from which answers come.
    """

    product_id: int = 0x2003
    device_string: str = "Ocean HDX"
    pixels: int = 2068
    spectrum_message: int = Message.GET_SPECTRUM
    integration_time_min_us: int = INTEGRATION_TIME_MIN_US
    integration_time_max_us: int = INTEGRATION_TIME_MAX_US
    counts_max: int = COUNTS_MAX
    saturation_counts: int = COUNTS_MAX
    nonlinearity: tuple[float, ...] = NONLINEARITY
    lamp: Literal["acknowledged", "silent", "unknown"] = "acknowledged"
    runs_freely: bool = True
    tells_settings: bool = True
    bins: bool = False
    buffers: bool = False
    unknown: Literal["refused", "unanswered"] = "refused"
    checksums: bool = False
    immediate: bool = True
    serial_number_padding: int = 0
    packet_bytes: int = 64
    answers_endpoint: int = 0x81


HDX: Final = HdxVariant()
"""An HDX as python-seabreeze describes it."""

STS: Final = HdxVariant(
    product_id=0x4000,
    device_string="STS",
    pixels=1024,
    spectrum_message=Message.GET_RAW_SPECTRUM,
    integration_time_min_us=10,
    integration_time_max_us=85_000_000,
    counts_max=16_383,
    bins=True,
)
"""An Ocean STS, as python-seabreeze describes it (`devices.py`), as the two that follow."""

SPARK: Final = HdxVariant(
    product_id=0x4200,
    device_string="SPARK",
    pixels=1024,
    spectrum_message=Message.GET_RAW_SPECTRUM,
    integration_time_min_us=10,
    integration_time_max_us=85_000_000,
    counts_max=16_383,
)

VENTANA: Final = HdxVariant(
    product_id=0x5000,
    device_string="VENTANA",
    pixels=1024,
    spectrum_message=Message.GET_RAW_SPECTRUM,
    integration_time_min_us=22_000,
    integration_time_max_us=60_000_000,
    answers_endpoint=0x82,
)
