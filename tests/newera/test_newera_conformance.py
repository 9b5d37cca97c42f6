"""The conformance kit on the New Era driver, with variants of the emulated pump."""

import pytest
from newera_bench import conformance_bench

from flowrig.testing import PumpConformance
from flowrig_newera.emulator.variant import DIALECTS

CASES = {
    "basic": {},
    "safe": {"safe_mode_s": 60.0},
    **{name: {"variant": one} for name, one in DIALECTS.items()},
    "safe on a chain": {"variant": DIALECTS["chain"], "safe_mode_s": 60.0, "pump": 7},
}
QUICK = ("basic", "safe")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param(options, id=name, marks=() if name in QUICK else pytest.mark.slow)
        for name, options in CASES.items()
    ],
)
class TestVariants(PumpConformance):
    """The driver keeps the contract of a pump in both modes and with every variant."""

    @pytest.fixture
    def bench(self, options):
        with conformance_bench(**options) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)
