"""The conformance kit on the three drivers that come with flowrig, and on a third party's."""

from collections.abc import Iterator

import pytest
from fusion_time import conformance_bench

from flowrig.testing import (
    HeaterBench,
    HeaterConformance,
    PumpBench,
    PumpConformance,
    SpectrometerBench,
    SpectrometerConformance,
)
from flowrig_ocean.driver import OceanHdx
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_ocean.settings import HdxSettings
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator.emulator import WatlowEmulator
from flowrig_watlow.settings import F4TSettings


class TestFusion(PumpConformance):
    """A single Fusion on a serial line."""

    @pytest.fixture
    def bench(self) -> Iterator[PumpBench]:
        with conformance_bench() as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: PumpBench) -> None:
        super().test_a_cut_at_any_byte(bench)


class TestF4T(HeaterConformance):
    """An F4T."""

    @pytest.fixture
    def bench(self) -> Iterator[HeaterBench]:
        settings = F4TSettings(address="127.0.0.1", deadline_s=0.3)
        with HeaterBench(WatlowF4T, WatlowEmulator, settings) as bench:
            yield bench


class TestHdx(SpectrometerConformance):
    """An HDX with a lamp on its lamp-enable line."""

    @pytest.fixture
    def bench(self) -> Iterator[SpectrometerBench]:
        settings = HdxSettings(address="127.0.0.1", deadline_s=0.3, light_source="lamp-enable")
        with SpectrometerBench(OceanHdx, HdxEmulator, settings) as bench:
            yield bench
