"""What pumps did after a run had written its last word is charged: enough always, and no more."""

from collections.abc import Callable
from pathlib import Path

import pytest

import flowrig as package
from flowrig.journal.events import EventData, Intent
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.rig.rig import Rig
from flowrig.run.after_a_crash import stop_all
from flowrig.safety.actuation import Actuation
from flowrig.safety.syringes import COUNTED, SyringeLedger

RATES_UL_MIN = {"CuI": 100.0, "ODE": 250.0}
FLUSH_UL_MIN = 200.0


def _killed_after_the_stop(rig: Rig) -> None:
    rig.stop(RATES_UL_MIN)


def _flushed_on_a_full_disk(rig: Rig) -> None:
    rig.stop(RATES_UL_MIN)
    rig.clock.sleep(5.0)
    rig.set_flow_rates({"ODE": FLUSH_UL_MIN})
    rig.start(["ODE"])
    rig.clock.sleep(300.0)
    rig.stop(["ODE"])


@pytest.mark.parametrize("is_intended", [True, False], ids=["stop intended", "nothing said"])
@pytest.mark.parametrize(
    ("end", "least_ul", "most_ul"),
    [(_killed_after_the_stop, 500.0, 505.0), (_flushed_on_a_full_disk, 1500.0, 2700.0)],
    ids=["killed", "full disk"],
)
def test_a_volume_that_the_journal_lacks_is_charged(
    tmp_path: Path,
    end: Callable[[Rig], None],
    least_ul: float,
    most_ul: float,
    is_intended: bool,
) -> None:
    """After a kill what the pumps tell; after a flush that the disk did not take, at least all."""
    with (
        package.open_rig("cs3cu2i5-heatup-chem3", simulate=True) as rig,
        Journal.create(tmp_path / FILE_NAME) as journal,
    ):

        def record(data: EventData) -> int:
            return journal.append(data, rig.clock.now_s()).sequence

        actuation = Actuation(rig, record, SyringeLedger(rig.profile))
        actuation.set_flow_rates(RATES_UL_MIN)
        actuation.start(RATES_UL_MIN)
        rig.clock.sleep(120.0)
        if is_intended:
            record(Intent(command="stop", streams=tuple(RATES_UL_MIN)))
        end(rig)
        rig.clock.sleep(60.0)

        ledger = SyringeLedger(rig.profile)
        for event in journal.events(*COUNTED):
            ledger.follow(event.time_s, event.data)
        stop_all(rig, Actuation(rig, record, ledger), journal)
        spent_ul = {s: ledger.full_ul(s) - ledger.left_ul[s] for s in RATES_UL_MIN}

    assert spent_ul["CuI"] == pytest.approx(200.0, abs=5.0)
    if is_intended or end is _flushed_on_a_full_disk:
        assert least_ul <= spent_ul["ODE"] <= most_ul
    else:  # who stopped it may have flushed as well
        assert 500.0 <= spent_ul["ODE"] <= 250.0 * 3.1 + 5.0
