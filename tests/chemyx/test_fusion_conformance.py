"""The conformance kit on the Fusion driver, with three variants of the emulated pump."""

import pytest
from fusion_time import conformance_bench

from flowrig.testing import PumpConformance
from flowrig_chemyx.emulator.variant import Variant

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
        with conformance_bench(variant, channel=2 if variant.dual else None) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)
