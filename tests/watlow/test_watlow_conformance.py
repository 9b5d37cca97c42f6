"""The conformance kit on the F4T, with every set of traits and by both protocols."""

from collections.abc import Iterator
from functools import partial

import pytest
from attrs import evolve

from flowrig.testing import HeaterBench, HeaterConformance
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator.controller import F4TTraits
from flowrig_watlow.emulator.emulator import WatlowEmulator
from flowrig_watlow.registers import WordOrder
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

PLAIN = F4TSettings(address="127.0.0.1", deadline_s=0.3)
MODBUS = evolve(PLAIN, modbus="127.0.0.1")
VARIANTS = {
    "fahrenheit": (PLAIN, F4TTraits(unit=TemperatureUnit.FAHRENHEIT)),
    "newline-on-write": (PLAIN, F4TTraits(newline_on_write=True)),
    "tells-errors": (PLAIN, F4TTraits(tells_errors=True)),
    "old": (
        PLAIN,
        F4TTraits(unit=TemperatureUnit.FAHRENHEIT, knows_unit=False, tells_errors=True),
    ),
    "modbus": (
        evolve(MODBUS, word_order="high-first"),
        F4TTraits(word_order=WordOrder.HIGH_FIRST, modbus_unit=TemperatureUnit.FAHRENHEIT),
    ),
    "control-mode": (evolve(MODBUS, off="control-mode"), F4TTraits()),
}


@pytest.mark.slow
class TestVariants(HeaterConformance):
    """An F4T with each set of traits."""

    @pytest.fixture(
        params=[
            *("old", "modbus", "control-mode"),  # these have the traits of the others as well
            pytest.param("fahrenheit", marks=pytest.mark.slow),
            pytest.param("newline-on-write", marks=pytest.mark.slow),
            pytest.param("tells-errors", marks=pytest.mark.slow),
        ]
    )
    def bench(self, request: pytest.FixtureRequest) -> Iterator[HeaterBench]:
        settings, traits = VARIANTS[request.param]
        emulator = partial(WatlowEmulator, traits=evolve(traits))
        with HeaterBench(WatlowF4T, emulator, settings) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: HeaterBench) -> None:
        super().test_a_cut_at_any_byte(bench)

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench: HeaterBench) -> None:
        super().test_a_wrong_byte_anywhere(bench)
