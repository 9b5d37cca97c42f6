"""The conformance kit on the drivers of a drop folder."""

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
from flowrig_dropfolder import HeaterSettings, PumpSettings, SpectrometerSettings
from flowrig_dropfolder.emulator.emulators import (
    HeaterEmulator,
    PumpEmulator,
    SpectrometerEmulator,
)
from flowrig_dropfolder.heater import DropFolderHeater
from flowrig_dropfolder.pump import DropFolderPump
from flowrig_dropfolder.spectrometer import DropFolderSpectrometer

WAIT_S = 0.3


class TestPump(PumpConformance):
    """A pump."""

    @pytest.fixture
    def bench(self) -> Iterator[PumpBench]:
        settings = PumpSettings(address="drop", deadline_s=WAIT_S, column="CuI")
        with PumpBench(DropFolderPump, PumpEmulator, settings) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: PumpBench) -> None:
        super().test_a_cut_at_any_byte(bench)

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench: PumpBench) -> None:
        super().test_a_wrong_byte_anywhere(bench)


class TestHeater(HeaterConformance):
    """A heater."""

    @pytest.fixture
    def bench(self) -> Iterator[HeaterBench]:
        settings = HeaterSettings(address="drop", deadline_s=WAIT_S)
        with HeaterBench(DropFolderHeater, HeaterEmulator, settings) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: HeaterBench) -> None:
        super().test_a_cut_at_any_byte(bench)

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench: HeaterBench) -> None:
        super().test_a_wrong_byte_anywhere(bench)


class TestSpectrometer(SpectrometerConformance):
    """A spectrometer whose program opens and shuts a light."""

    @pytest.fixture
    def bench(self) -> Iterator[SpectrometerBench]:
        settings = SpectrometerSettings(address="drop", deadline_s=WAIT_S, spectra="Abs")
        with SpectrometerBench(DropFolderSpectrometer, SpectrometerEmulator, settings) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench: SpectrometerBench) -> None:
        super().test_a_wrong_byte_anywhere(bench)
