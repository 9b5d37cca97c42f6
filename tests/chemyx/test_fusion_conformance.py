"""The conformance kit on the Fusion driver, in dialects that differ in everything at once."""

import pytest
from fusion_time import conformance_bench

from flowrig.testing import PumpConformance
from flowrig_chemyx.emulator import Dialect

DIALECTS = {
    "echo on its own line": Dialect(
        echo_end=b"\r\n",
        separator=b" \n\r",
        status_spellings=("pump status",),
        counts_on_after_pause=False,
        announces=True,
    ),
    "no echo": Dialect(
        echo=False,
        status_spellings=("status",),
        multistep=False,
        withdraws=False,
        primerate_line=False,
    ),
    "dual": Dialect(dual=True, separator=b" \n\r"),
}


@pytest.mark.parametrize("name", DIALECTS)
class TestDialects(PumpConformance):
    """The same promises, however the pump words its answers."""

    @pytest.fixture
    def bench(self, name):
        dialect = DIALECTS[name]
        with conformance_bench(dialect, channel=2 if dialect.dual else None) as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)
