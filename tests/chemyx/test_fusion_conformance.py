"""The conformance kit on the Fusion driver, with three variants of the emulated pump."""

from functools import partial

import pytest

from flowrig.testing import PumpBench, PumpConformance
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.emulator.variant import Variant
from flowrig_chemyx.settings import FusionSettings

VARIANTS = {
    "echo on its own line": Variant(
        echo_end=b"\r\n",
        separator=b" \n\r",
        status_spellings=("pump status",),
        counts_on_after_pause=False,
        announces=True,
    ),
    "no echo": Variant(
        echo=False,
        status_spellings=("status",),
        multistep=False,
        withdraws=False,
        primerate_line=False,
    ),
    "dual": Variant(dual=True, separator=b" \n\r"),
}


@pytest.mark.parametrize("name", VARIANTS)
class TestVariants(PumpConformance):
    """The driver keeps the contract of a pump with every variant."""

    @pytest.fixture
    def bench(self, name):
        variant = VARIANTS[name]
        settings = FusionSettings(address="", deadline_s=0.3, channel=2 if variant.dual else None)
        with PumpBench(ChemyxFusion, partial(ChemyxEmulator, variant=variant), settings) as bench:
            yield bench
