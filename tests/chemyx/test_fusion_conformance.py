"""The conformance kit on the Fusion driver, with variants of the emulated pump."""

import pytest
from fusion_time import conformance_bench

from flowrig.testing import PumpConformance
from flowrig_chemyx.emulator.variant import DIALECTS, Variant

VARIANTS = {
    "echo on its own line": Variant(
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
    "pause stops": Variant(pause_stops=True, unit_names=True, limits_first="volume"),
}
DIALECT = [pytest.param(one, id=name, marks=pytest.mark.slow) for name, one in DIALECTS.items()]


@pytest.mark.filterwarnings("ignore:.*unfinished start")
@pytest.mark.parametrize(
    "variant", [*(pytest.param(one, id=name) for name, one in VARIANTS.items()), *DIALECT]
)
@pytest.mark.slow
class TestVariants(PumpConformance):
    """The driver keeps the contract of a pump with every variant."""

    @pytest.fixture
    def bench(self, variant):
        with conformance_bench(variant, channel=2 if variant.dual else None) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)
