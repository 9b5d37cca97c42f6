"""Variants of spectrometers with the OBP protocol: known and assumed differences."""

from typing import Literal

from attrs import frozen

from flowrig_ocean.settings import INTEGRATION_TIME_MAX_US, INTEGRATION_TIME_MIN_US
from flowrig_ocean.wire.obp_frame import Message

__all__ = ["HDX", "STS", "HdxVariant"]


@frozen(kw_only=True)
class HdxVariant:
    """Behaviour of an emulated spectrometer; the defaults are those assumed for an HDX.

    Attributes:
        product_id: USB product id, which is also the answer to GET_PRODUCT_ID.
        spectrum_message: message type of the query for a spectrum.
        integration_time_min_us: shortest integration time [µs] that is accepted.
        integration_time_max_us: longest integration time [µs] that is accepted.
        lamp: whether the lamp-enable message is acknowledged, obeyed without an answer, or
            unknown. For a real HDX this is not known.
        runs_freely: whether the first spectrum after a change of the integration time was still
            exposed with the old value (python-seabreeze, issues 38, 110 and 177).
        checksums: whether answers carry MD5 sums, which python-seabreeze and libseabreeze both
            accept.
        immediate: whether short answers are sent in the header, or behind it like long ones.
        serial_number_padding: zero bytes behind the serial number, not counted in the reported
            length.
        packet_bytes: largest packet [bytes] of the USB endpoints.
    """

    product_id: int = 0x2003
    spectrum_message: int = Message.GET_SPECTRUM
    integration_time_min_us: int = INTEGRATION_TIME_MIN_US
    integration_time_max_us: int = INTEGRATION_TIME_MAX_US
    lamp: Literal["acknowledged", "silent", "unknown"] = "acknowledged"
    runs_freely: bool = True
    checksums: bool = False
    immediate: bool = True
    serial_number_padding: int = 0
    packet_bytes: int = 64


HDX = HdxVariant()
"""An HDX as python-seabreeze describes it."""

STS = HdxVariant(
    product_id=0x4000,
    spectrum_message=Message.GET_SPECTRUM_OF_OTHERS,
    integration_time_min_us=10,
    integration_time_max_us=85_000_000,
)
"""An Ocean STS, as python-seabreeze describes it (`devices.py`)."""
