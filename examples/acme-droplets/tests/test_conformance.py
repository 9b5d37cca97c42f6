"""The suite of the kind on the driver, in front of its emulator."""

from collections.abc import Iterator

import pytest

from acme_droplets.conformance import DropletConformance
from acme_droplets.driver import AcmeDroplets
from acme_droplets.emulator import DropletEmulator
from acme_droplets.kind import DropletBody
from acme_droplets.settings import DropletSettings
from flowrig.testing import KindBench


class TestAcmeDroplets(DropletConformance):
    """The driver and its emulator."""

    @pytest.fixture
    def bench(self) -> Iterator[KindBench]:
        settings = DropletSettings(address="", deadline_s=0.3)
        with KindBench(
            AcmeDroplets, DropletEmulator, settings, body=DropletBody, safe=0.0
        ) as bench:
            yield bench
