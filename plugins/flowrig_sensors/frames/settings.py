"""Settings of SCPI detectors in a profile."""

from itertools import pairwise

from attrs import field, frozen, validators

from flowrig_sensors.settings import ScpiSettings

__all__ = ["MOST_VALUES", "ScpiGatesSettings", "ScpiHistogramSettings", "ScpiListSettings"]

MOST_VALUES = 65_536
"""Largest number of values in a frame."""

_QUERY = validators.matches_re(r"[ -~]*\?[ -~]*")


@frozen(kw_only=True)
class ScpiListSettings(ScpiSettings):
    """Settings of an instrument that answers a query with a list of numbers.

    Attributes:
        address: see `ScpiSettings`.
        identity: see `ScpiSettings`.
        deadline_s: see `ScpiSettings`.
        query: the SCPI query of a frame, such as "HIST1:DATA?". The answer has one number for each
            place on the axis, with commas between them, in brackets or not.
    """

    query: str = field(validator=_QUERY)


@frozen(kw_only=True)
class ScpiHistogramSettings(ScpiListSettings):
    """Settings of a counter of single photons.

    Attributes:
        address: see `ScpiListSettings`.
        query: see `ScpiListSettings`; its numbers are the counts of the bins.
        begin: the SCPI command that sets the bins to zero and starts to count, such as
            "HIST1:FLUS". The driver sends `;*OPC?` behind it, and waits for the answer.
        bins: number of bins.
        bin_ns: width of a bin [ns], as it is set on the instrument.
        integration_time_us: how long [µs] photons are counted for a frame.
        identity: see `ScpiListSettings`.
        deadline_s: see `ScpiListSettings`.
    """

    begin: str = field(validator=validators.matches_re(r"[ -~]+"))
    bins: int = field(validator=[validators.ge(2), validators.le(MOST_VALUES)])
    bin_ns: float = field(validator=validators.gt(0))
    integration_time_us: int = field(default=1_000_000, validator=validators.gt(0))


@frozen(kw_only=True)
class ScpiGatesSettings(ScpiListSettings):
    """Settings of light gates along a tube.

    Attributes:
        address: see `ScpiListSettings`.
        query: see `ScpiListSettings`, such as "MEAS:VOLT? (@101,102)"; its numbers are the levels
            of the gates, in their order.
        places_mm: place of each gate [mm] in the direction of flow, the first one at 0 mm.
        identity: see `ScpiListSettings`.
        deadline_s: see `ScpiListSettings`.
    """

    places_mm: tuple[float, ...] = field(validator=validators.min_len(1))

    @places_mm.validator
    def _require_rise(self, _attribute: object, places_mm: tuple[float, ...]) -> None:
        gaps = [after - before for before, after in pairwise(places_mm)]
        if places_mm[0] != 0.0 or min(gaps, default=1.0) <= 0.0:
            raise ValueError("name the places in the direction of flow, the first one at 0 mm")
