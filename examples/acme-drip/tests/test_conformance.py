"""Flowrig's conformance suites on the pump, in front of its emulator, and on the optimizer."""

from collections.abc import Iterator

import pytest

from acme_drip.emulator import DripEmulator
from acme_drip.optimizer import NeighbourhoodSearch
from acme_drip.pump import AcmeDrip
from acme_drip.settings import DripSettings, NeighbourhoodSettings
from flowrig.testing import OptimizerBench, OptimizerConformance, PumpBench, PumpConformance


class TestAcmeDrip(PumpConformance):
    """The pump."""

    @pytest.fixture
    def bench(self) -> Iterator[PumpBench]:
        settings = DripSettings(address="", deadline_s=0.5)
        with PumpBench(AcmeDrip, DripEmulator, settings) as bench:
            yield bench


class TestNeighbourhoodSearch(OptimizerConformance):
    """The optimizer."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        return OptimizerBench(NeighbourhoodSearch, NeighbourhoodSettings())
