"""The conformance kit on the Fusion driver, in dialects that differ in everything at once."""

from functools import partial

import pytest

from flowrig.testing import PumpBench, PumpConformance
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator import ChemyxEmulator, Dialect
from flowrig_chemyx.settings import FusionSettings

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
        settings = FusionSettings(address="", deadline_s=0.3, channel=2 if dialect.dual else None)
        with PumpBench(ChemyxFusion, partial(ChemyxEmulator, dialect=dialect), settings) as bench:
            yield bench
