"""Operating limits of set points and flow rates."""

from collections.abc import Iterator, Mapping

from flowrig.safety_rules.snapshot import Snapshot, Trip

__all__ = ["OperatingLimits"]

Window = tuple[float, float]

ROUNDING_UL_MIN = 1e-9
"""Rounding error [µL/min] of a computed flow rate, by which it may exceed its limit."""


class OperatingLimits:
    """Set points and flow rates stay inside the limits of the profile.

    Args:
        set_points_c: lowest and highest set point [°C], by heater.
        rates_ul_min: lowest and highest flow rate [µL/min], by stream.
    """

    name = "operating-limits"

    def __init__(
        self, set_points_c: Mapping[str, Window], rates_ul_min: Mapping[str, Window]
    ) -> None:
        self._set_points_c = set_points_c
        self._rates_ul_min = rates_ul_min

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """Set points above the limit, for instance set by hand at the controller."""
        for heater, (_, high) in self._set_points_c.items():
            state = snapshot.heaters[heater]
            if state.wanted_c > high:
                cause = f"its set point is {state.set_point_c:g} °C, above the profile's limit of "
                remedy = "find out who set it at the controller"
                yield Trip(self.name, heater, f"{cause}{high:g} °C", remedy)

    def refuse(self, before: Snapshot, after: Snapshot) -> Iterator[Trip]:
        """Set points and flow rates outside the limits that a command would set."""
        was_c = {name: state.set_point_c for name, state in before.heaters.items()}
        now_c = {name: state.set_point_c for name, state in after.heaters.items()}
        yield from self.set_points_outside({n: c for n, c in now_c.items() if c != was_c[n]})
        was = {name: state.rate_ul_min for name, state in before.streams.items()}
        now = {name: state.rate_ul_min for name, state in after.streams.items()}
        yield from self.rates_outside({n: rate for n, rate in now.items() if rate != was[n]})

    def set_points_outside(self, set_points_c: Mapping[str, float]) -> Iterator[Trip]:
        """Trips for set points [°C], by heater, outside the limits, or not a number."""
        for heater, wanted in set_points_c.items():
            low, high = self._set_points_c[heater]
            if not low <= wanted <= high:
                yield self._outside(heater, wanted, low, high, "°C")

    def rates_outside(self, rates_ul_min: Mapping[str, float]) -> Iterator[Trip]:
        """Trips for flow rates [µL/min], by stream, outside the limits, or not a number."""
        for stream, rate in rates_ul_min.items():
            low, high = self._rates_ul_min[stream]
            if not low - ROUNDING_UL_MIN <= rate <= high + ROUNDING_UL_MIN:
                yield self._outside(stream, rate, low, high, "µL/min")

    def _outside(self, whose: str, value: float, low: float, high: float, unit: str) -> Trip:
        return Trip(
            self.name,
            whose,
            f"{value:g} {unit} is outside the profile's limits, {low:g} to {high:g} {unit}",
            "ask for a value inside them",
        )
