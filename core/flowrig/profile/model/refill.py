"""How a syringe is filled again from a reservoir, by a valve between pump and flow path."""

from typing import Final

from attrs import frozen

__all__ = ["FULL", "RESERVOIR", "Refill"]

FULL: Final = 0.99
"""Share of its syringe up to which a pump draws, so that rounding drives no plunger against its
stop."""

RESERVOIR: Final = ".reservoir"
"""After the name of a stream: its reservoir, as `--refilled` takes it."""


@frozen(kw_only=True)
class Refill:
    """A pump draws from a reservoir between experiments, while a valve shuts off the flow path.

    Attributes:
        valve: the device that connects the syringe with the flow path or with the reservoir.
        fill: its position at which the syringe is connected with the reservoir.
        run: its position at which the syringe is connected with the flow path.
        below_ul: volume [µL] in the syringe below which it is filled before the next experiment; it
            is also filled where it holds less than that experiment needs.
        rate_ul_min: flow rate [µL/min] at which the pump draws.
        settle_s: time [s] after drawing before the valve turns back, in which the pressure in the
            syringe evens out.
        rinse_ul: volume [µL] that flows through the path to the waste after a refill, and when a
            run starts or is resumed, before the next experiment: until the lines on both sides of
            the valve hold what is in the reservoir.
        reservoir_ul: usable volume [µL] of a full reservoir; None if nothing counts it.
    """

    valve: str
    fill: str
    run: str
    below_ul: float
    rate_ul_min: float
    settle_s: float = 5.0
    rinse_ul: float = 0.0
    reservoir_ul: float | None = None
