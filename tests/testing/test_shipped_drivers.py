"""The conformance kit on the three drivers that come with flowrig, and on a third party's."""

from collections.abc import Iterator

import pytest

from flowrig.testing import (
    HeaterBench,
    HeaterConformance,
    PumpBench,
    PumpConformance,
    SpectrometerBench,
    SpectrometerConformance,
)
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.settings import FusionSettings
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
        settings = FusionSettings(address="", deadline_s=0.4)
        with PumpBench(ChemyxFusion, ChemyxEmulator, settings) as bench:
            yield bench


class TestF4T(HeaterConformance):
    """An F4T."""

    @pytest.fixture
    def bench(self) -> Iterator[HeaterBench]:
        settings = F4TSettings(address="127.0.0.1", deadline_s=0.5)
        with HeaterBench(WatlowF4T, WatlowEmulator, settings) as bench:
            yield bench


class TestHdx(SpectrometerConformance):
    """An HDX with a lamp on its lamp-enable line."""

    @pytest.fixture
    def bench(self) -> Iterator[SpectrometerBench]:
        settings = HdxSettings(address="127.0.0.1", deadline_s=0.8, light_source="lamp-enable")
        with SpectrometerBench(OceanHdx, HdxEmulator, settings) as bench:
            yield bench
