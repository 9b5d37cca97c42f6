"""The syringes' account: what moved is charged once, also where nobody could write it down."""

import pytest

from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.safety.syringes import SyringeLedger


@pytest.fixture
def ledger() -> SyringeLedger:
    """Full syringes; CuI has run once and was charged 30 µL."""
    ledger = SyringeLedger(load_profile("cs3cu2i5-heatup-chem3", Plugins.discover()))
    ledger.started(0.0, {"CuI": 100.0})
    ledger.confirmed(["CuI"])
    ledger.stopped(18.0, {"CuI": 30.0})
    return ledger


def spent_ul(ledger: SyringeLedger) -> float:
    """What is gone of 50 mL of CuI."""
    return 50_000.0 - ledger.left_ul["CuI"]


def test_a_start_that_never_came_is_charged_nothing(ledger: SyringeLedger) -> None:
    """The program died between intent and command: the pump still tells of its last run."""
    ledger.started(20.0, {"CuI": 100.0})
    assert ledger.stopped(620.0, {"CuI": 30.0}).volumes_ul == {"CuI": 0.0}
    assert spent_ul(ledger) == pytest.approx(30.0)


def test_a_start_that_came_is_charged_what_its_pump_tells(ledger: SyringeLedger) -> None:
    """The answer was lost, not the command; and a confirmed start counts whatever it tells."""
    ledger.started(20.0, {"CuI": 100.0})
    assert ledger.stopped(620.0, {"CuI": 45.0}).volumes_ul == {"CuI": 45.0}
    ledger.started(700.0, {"CuI": 100.0})
    ledger.confirmed(["CuI"])
    assert ledger.stopped(727.0, {"CuI": 45.0}).volumes_ul == {"CuI": 45.0}
    assert spent_ul(ledger) == pytest.approx(120.0)


def test_a_start_without_any_report_is_charged_rate_times_time(ledger: SyringeLedger) -> None:
    """What cannot be asked counts as gone, and its next report is no news."""
    ledger.started(60.0, {"CuI": 100.0})
    assert ledger.stopped(120.0, {"CuI": None}).volumes_ul == {"CuI": pytest.approx(100.0)}
    assert ledger.stopped(180.0, {"CuI": 99.0}, unseen=True).volumes_ul == {}


def test_what_nobody_wrote_down_is_found_out(ledger: SyringeLedger) -> None:
    """A pump that ran while the disk was full tells another volume than when it was last asked."""
    assert ledger.stopped(900.0, {"CuI": 55.0}).volumes_ul == {}
    assert ledger.stopped(900.0, {"CuI": 55.0}, unseen=True).volumes_ul == {"CuI": 55.0}
    assert ledger.stopped(900.0, {"CuI": 55.0}, unseen=True).volumes_ul == {}
    assert spent_ul(ledger) == pytest.approx(85.0)


def test_a_pump_that_never_ran_in_this_run_is_not_charged(ledger: SyringeLedger) -> None:
    """What it remembers is from before."""
    assert ledger.stopped(900.0, {"ZnI2": 55.0}, unseen=True).volumes_ul == {}


def left_flowing(ledger: SyringeLedger, *streams: str) -> None:
    """Streams run at 100 µL/min since 20 s; a stop was to be at 140 s, and nobody wrote its end."""
    ledger.started(20.0, dict.fromkeys(streams, 100.0))
    ledger.confirmed(streams)
    ledger.stopping(140.0, streams)


def test_a_stream_that_may_have_been_started_anew_is_charged_enough(ledger: SyringeLedger) -> None:
    """The journal took nothing any more: the pump tells of its last run only, here of a flush."""
    left_flowing(ledger, "ODE")
    charge = ledger.stopped(620.0, {"ODE": 900.0}, doubted=["ODE"])
    assert charge.volumes_ul == {"ODE": pytest.approx(2000.0)}  # flushed at 200 µL/min all the time
    assert charge.estimated == ("ODE",)


@pytest.mark.parametrize("told_ul", [186.0, 200.0, 214.0])
def test_a_stop_that_nobody_wrote_down_explains_what_its_pump_tells(
    ledger: SyringeLedger, told_ul: float
) -> None:
    """The program died between a stop and its outcome: nothing was started anew since."""
    left_flowing(ledger, "ODE")
    charge = ledger.stopped(620.0, {"ODE": told_ul}, doubted=["ODE"])
    assert (charge.volumes_ul, charge.estimated) == ({"ODE": told_ul}, ())


def test_a_stop_of_a_resumption_that_died_as_well_explains_it_too(ledger: SyringeLedger) -> None:
    """The pump went on until the second program stopped it, which nobody wrote down either."""
    left_flowing(ledger, "ODE")
    ledger.stopping(320.0, ["ODE"])
    assert ledger.stopped(620.0, {"ODE": 500.0}, doubted=["ODE"]).volumes_ul == {"ODE": 500.0}


def test_a_stream_that_nobody_flushes_with_is_charged_what_its_pump_tells(
    ledger: SyringeLedger,
) -> None:
    """Without a word in the journal only the safe state starts something."""
    left_flowing(ledger, "CuI")
    assert ledger.stopped(620.0, {"CuI": 900.0}, doubted=["CuI"]).volumes_ul == {"CuI": 900.0}


def test_a_start_that_never_came_is_charged_nothing_though_its_pump_is_doubted(
    ledger: SyringeLedger,
) -> None:
    """A flush meanwhile would have changed what the pump tells."""
    left_flowing(ledger, "ODE")
    ledger.stopped(150.0, {"ODE": 200.0})
    ledger.started(160.0, {"ODE": 100.0})
    assert ledger.stopped(620.0, {"ODE": 200.0}, doubted=["ODE"]).volumes_ul == {"ODE": 0.0}


def test_a_first_report_is_news_where_nobody_could_write(ledger: SyringeLedger) -> None:
    """A pump that the journal says never ran was flushed with, and is charged what it tells."""
    ledger.expect_nothing()
    assert ledger.stopped(700.0, {"ODE": 850.0, "CuI": 30.0}, unseen=True).volumes_ul == {
        "ODE": 850.0
    }
