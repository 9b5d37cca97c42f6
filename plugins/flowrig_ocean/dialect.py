"""In what the spectrometers that speak OBP differ, known or assumed."""

from typing import Literal

from attrs import frozen

from flowrig_ocean.obp import Message
from flowrig_ocean.settings import INTEGRATION_TIME_MAX_US, INTEGRATION_TIME_MIN_US

__all__ = ["STS", "HdxDialect"]


@frozen(kw_only=True)
class HdxDialect:
    """How an emulated spectrometer answers; by default as an HDX is believed to.

    Attributes:
        product_id: its USB product id, which is also its answer to GET_PRODUCT_ID.
        spectrum_message: which message asks for a spectrum.
        integration_time_min_us: shortest integration time [µs] that it takes.
        integration_time_max_us: longest integration time [µs] that it takes.
        lamp: whether it acknowledges the lamp-enable message, obeys it silently, or does not know
            it. Nobody has reported which an HDX does.
        runs_freely: whether the first spectrum after a change of the integration time was still
            exposed with the old one (python-seabreeze, issues 38, 110 and 177).
        checksums: whether its answers carry MD5 sums, which python-seabreeze and libseabreeze both
            expect to see sometimes.
        immediate: whether short answers travel in the header, or behind it like long ones.
        serial_number_padding: zero bytes behind its serial number, which the length that it tells
            leaves out.
        packet_bytes: largest packet of its USB endpoints.
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


STS = HdxDialect(
    product_id=0x4000,
    spectrum_message=Message.GET_SPECTRUM_OF_OTHERS,
    integration_time_min_us=10,
    integration_time_max_us=85_000_000,
)
"""An Ocean STS, as python-seabreeze knows it (`devices.py`)."""
