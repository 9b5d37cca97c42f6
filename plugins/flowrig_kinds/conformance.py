"""The conformance suites of the kinds."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from attrs import evolve

from flowrig.emulation import Absorber, Emitter, GaussianBand, Glimpse, Product
from flowrig.errors import InputError
from flowrig.testing import (
    DetectingConformance,
    DispensingConformance,
    KindBench,
    Level,
    ReadableConformance,
    SelectableConformance,
    SettableConformance,
    earns,
    require,
)

__all__ = [
    "FlowControllerConformance",
    "FlowSourceConformance",
    "NumberConformance",
    "PhaseSensorConformance",
    "SensorConformance",
    "StirrerConformance",
    "TcspcConformance",
    "ValveConformance",
]


class ValveConformance(SelectableConformance):
    """The suite of valves and collectors; a test class adds the fixture `bench`.

    It is a `KindBench` with the body `flowrig_kinds.bodies.ValveBody`.
    """

    def stands(self, bench: KindBench) -> str:
        """Name of the position of the rotor."""
        name: str = bench.driver.name_of(bench.body.number)
        return name

    def put(self, bench: KindBench, value: Any) -> None:
        """Turn the rotor by hand."""
        bench.body.number = bench.driver.number_of(value)

    def block(self, bench: KindBench, on: bool) -> None:
        """Jam the rotor, or free it."""
        bench.body.faults["stuck-valve"].switch(on)


class SensorConformance(ReadableConformance):
    """The suite of sensors; a test class adds the fixture `bench`.

    It is a `KindBench` with the body `flowrig_kinds.bodies.SensorBody`. A driver reports pressures
    as `pressure` [bar], temperatures as `temperature` [°C], flow rates as `flow` [µL/min]; the
    suite of a driver that reports something else overrides `truth`.
    """

    def truth(self, bench: KindBench) -> Mapping[str, float]:
        """What the body measures of what the driver declares."""
        known = {
            "pressure": bench.body.pressure_bar,
            "temperature": bench.body.temperature_c,
            "flow": bench.body.flow_ul_min,
        }
        return {one.name: known[one.name] for one in bench.driver.quantities}

    def disturb(self, bench: KindBench) -> None:
        """Another pressure and another temperature."""
        bench.place.pressure_bar += 1.7
        bench.place.temperature_c += 17.0


class NumberConformance(SettableConformance):
    """The suite of stages and lights, which keep a number and are not read.

    The bench is a `KindBench` with a `flowrig_kinds.bodies.NumberBody`.
    """

    def kept(self, bench: KindBench) -> float:
        """The number that the body keeps."""
        told: float = bench.body.told
        return told

    def put(self, bench: KindBench, value: Any) -> None:
        """Set the body by hand."""
        bench.body.told = value

    def block(self, bench: KindBench, on: bool) -> None:
        """Make the body keep its number, or end that."""
        bench.body.faults["stuck-setting"].switch(on)


class StirrerConformance(NumberConformance, ReadableConformance):
    """The suite of stirrers, with the body `flowrig_kinds.bodies.StirrerBody`."""

    def truth(self, bench: KindBench) -> Mapping[str, float]:
        """The speed of the motor."""
        return {"speed": bench.body.value}


class FlowControllerConformance(NumberConformance, ReadableConformance):
    """The suite of flow controllers, with the body `flowrig_kinds.bodies.FlowControllerBody`.

    A driver reports the flow as `flow`, in its own unit, and may report `pressure` [bar] and
    `temperature` [°C].
    """

    def truth(self, bench: KindBench) -> Mapping[str, float]:
        """What the body does and measures of what the driver declares."""
        place = bench.body.place
        known = {
            "flow": bench.body.value,
            "pressure": place.pressure_bar,
            "temperature": place.temperature_c,
        }
        return {one.name: known[one.name] for one in bench.driver.quantities}

    @earns(Level.SILVER)
    def test_a_stream_drives_it(self, bench: KindBench) -> None:
        """What a stream asks in µL/min is the number of the controller, in its own unit."""
        try:
            factor = bench.driver.ul_min_per_unit(bench.driver.settings)
        except InputError:  # its unit is no volume in time: it cannot drive a stream
            return
        bench.open()
        low, high = bench.driver.limits
        for number in (low + 0.4 * (high - low), 0.0):
            bench.call(partial(bench.driver.dispense, number * factor))
            told, found = self.kept(bench), bench.call(bench.driver.rate_ul_min) / factor
            require(
                abs(told - number) <= bench.driver.resolution
                and abs(found - number) <= bench.driver.resolution,
                f"a stream at {number * factor:g} µL/min is {number:g} {bench.driver.unit}; the "
                f"controller keeps {told:g} and the driver reports {found:g}",
            )


class FlowSourceConformance(DispensingConformance, ReadableConformance):
    """The suite of sources of flow, with the body `flowrig_kinds.bodies.FlowSourceBody`.

    A driver may report `pressure` [bar], `temperature` [°C] and `flow` [µL/min]; the suite of a
    driver that reports something else overrides `truth`.
    """

    def truth(self, bench: KindBench) -> Mapping[str, float]:
        """What the body measures of what the driver declares."""
        place = bench.body.place
        known = {
            "flow": bench.body.value,
            "pressure": place.pressure_bar,
            "temperature": place.temperature_c,
        }
        return {one.name: known[one.name] for one in bench.driver.quantities}

    def kept(self, bench: KindBench) -> float:
        """The flow rate [µL/min] that the body keeps."""
        told: float = bench.body.told
        return told

    def put(self, bench: KindBench, value: Any) -> None:
        """Set the body by hand."""
        bench.body.told = value

    def block(self, bench: KindBench, on: bool) -> None:
        """Make the body keep its flow rate, or end that."""
        bench.body.faults["stuck-setting"].switch(on)


class _DetectorConformance(DetectingConformance):
    """What the suites of detectors have in common: a sample that glows, then another one."""

    def shown(self, bench: KindBench) -> Any:
        """The newest frame of the body."""
        return np.array([]) if bench.body.newest is None else bench.body.newest

    def ready(self, bench: KindBench) -> None:
        """Put a sample in front of it."""
        bench.place.seen = _GLOWING

    def disturb(self, bench: KindBench) -> None:
        """Another sample."""
        share = 0.5 if bench.place.seen.reactive == 1.0 else 1.0
        bench.place.seen = evolve(_GLOWING, reactive=share)


class TcspcConformance(_DetectorConformance):
    """The suite of counters of photons, with the body `flowrig_kinds.detector_bodies.TcspcBody`."""


class PhaseSensorConformance(_DetectorConformance):
    """The suite of light gates, with the body `flowrig_kinds.detector_bodies.PhaseSensorBody`."""


_BAND = GaussianBand(500.0, 30.0)
_GLOWING = Glimpse(
    product=Product(
        absorbers=(Absorber(absorbance=0.5, shape=_BAND),),
        emitters=(Emitter(quantum_yield=0.5, shape=_BAND),),
        lifetimes_ns=((1.0, 10.0),),
    ),
    reactive=1.0,
)
