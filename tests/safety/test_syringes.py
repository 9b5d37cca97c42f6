"""The account of the syringes: liquid is charged once, also where no event could be written."""

from collections.abc import Iterable, Mapping

import pytest

from flowrig.journal.events import Intent, Outcome
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.safety.syringes import Charge, SyringeLedger, Unrecorded


def start(ledger: SyringeLedger, time_s: float, rates_ul_min: Mapping[str, float]) -> None:
    """The command to start, without its outcome."""
    ledger.follow(time_s, Intent(command="start", flow_rates_ul_min=rates_ul_min))


def confirm(ledger: SyringeLedger, time_s: float) -> None:
    """The pumps have confirmed the start."""
    ledger.follow(time_s, Outcome(intent=0, command="start", outcome="done"))


def command_stop(ledger: SyringeLedger, time_s: float, streams: Iterable[str]) -> None:
    """The command to stop, without its outcome."""
    ledger.follow(time_s, Intent(command="stop", streams=tuple(streams)))


def stop(
    ledger: SyringeLedger,
    time_s: float,
    reports_ul: Mapping[str, float | None],
    unrecorded: Unrecorded | None = None,
) -> Charge:
    """A stop that works; returns the charge."""
    command_stop(ledger, time_s, reports_ul)
    charge = ledger.charge_of(time_s, reports_ul, unrecorded)
    volumes_ul, estimated = charge.volumes_ul, charge.estimated
    ledger.follow(
        time_s,
        Outcome(
            intent=0, command="stop", outcome="done", dispensed_ul=volumes_ul, estimated=estimated
        ),
    )
    return charge


@pytest.fixture
def ledger() -> SyringeLedger:
    """Full syringes; CuI has run once and was charged 30 µL."""
    ledger = SyringeLedger(load_profile("cs3cu2i5-heatup-chem3", Plugins.discover()))
    start(ledger, 0.0, {"CuI": 100.0})
    confirm(ledger, 0.0)
    stop(ledger, 18.0, {"CuI": 30.0})
    return ledger


def spent_ul(ledger: SyringeLedger) -> float:
    """What is gone of 50 mL of CuI."""
    return 50_000.0 - ledger.left_ul["CuI"]


def test_a_start_that_never_came_is_charged_nothing(ledger: SyringeLedger) -> None:
    """The program died between intent and command: the pump still reports its last run."""
    start(ledger, 20.0, {"CuI": 100.0})
    assert stop(ledger, 620.0, {"CuI": 30.0}).volumes_ul == {"CuI": 0.0}
    assert spent_ul(ledger) == pytest.approx(30.0)


def test_a_start_that_came_is_charged_what_its_pump_tells(ledger: SyringeLedger) -> None:
    """The answer was lost, not the command; and a confirmed start counts whatever it tells."""
    start(ledger, 20.0, {"CuI": 100.0})
    assert stop(ledger, 620.0, {"CuI": 45.0}).volumes_ul == {"CuI": 45.0}
    start(ledger, 700.0, {"CuI": 100.0})
    confirm(ledger, 700.0)
    assert stop(ledger, 727.0, {"CuI": 45.0}).volumes_ul == {"CuI": 45.0}
    assert spent_ul(ledger) == pytest.approx(120.0)


def test_a_start_without_any_report_is_charged_rate_times_time(ledger: SyringeLedger) -> None:
    """What cannot be asked counts as gone, and its next report is no news."""
    start(ledger, 60.0, {"CuI": 100.0})
    assert stop(ledger, 120.0, {"CuI": None}).volumes_ul == {"CuI": pytest.approx(100.0)}
    assert stop(ledger, 180.0, {"CuI": 99.0}, Unrecorded()).volumes_ul == {}


def test_what_nobody_wrote_down_is_found_out(ledger: SyringeLedger) -> None:
    """A pump that ran while the disk was full tells another volume than when it was last asked."""
    assert stop(ledger, 900.0, {"CuI": 55.0}).volumes_ul == {}
    assert stop(ledger, 900.0, {"CuI": 55.0}, Unrecorded()).volumes_ul == {"CuI": 55.0}
    assert stop(ledger, 900.0, {"CuI": 55.0}, Unrecorded()).volumes_ul == {}
    assert spent_ul(ledger) == pytest.approx(85.0)


def test_a_pump_that_never_ran_in_this_run_is_not_charged(ledger: SyringeLedger) -> None:
    """What it remembers is from before."""
    assert stop(ledger, 900.0, {"ZnI2": 55.0}, Unrecorded()).volumes_ul == {}


def left_flowing(ledger: SyringeLedger, *streams: str) -> None:
    """Streams run at 100 µL/min since 20 s; a stop was to be at 140 s, and nobody wrote its end."""
    start(ledger, 20.0, dict.fromkeys(streams, 100.0))
    confirm(ledger, 20.0)
    command_stop(ledger, 140.0, streams)


def test_a_stream_that_may_have_been_started_anew_is_charged_enough(ledger: SyringeLedger) -> None:
    """The journal took nothing any more: the pump tells of its last run only, here of a flush."""
    left_flowing(ledger, "ODE")
    charge = stop(ledger, 620.0, {"ODE": 900.0}, Unrecorded(doubted=("ODE",)))
    assert charge.volumes_ul == {"ODE": pytest.approx(2000.0)}  # flushed at 200 µL/min all the time
    assert charge.estimated == ("ODE",)


@pytest.mark.parametrize("told_ul", [186.0, 200.0, 214.0])
def test_a_stop_that_nobody_wrote_down_explains_what_its_pump_tells(
    ledger: SyringeLedger, told_ul: float
) -> None:
    """The program died between a stop and its outcome: nothing was started anew since."""
    left_flowing(ledger, "ODE")
    charge = stop(ledger, 620.0, {"ODE": told_ul}, Unrecorded(doubted=("ODE",)))
    assert (charge.volumes_ul, charge.estimated) == ({"ODE": told_ul}, ())


def test_a_stop_of_a_resumption_that_died_as_well_explains_it_too(ledger: SyringeLedger) -> None:
    """The pump went on until the second program stopped it, which nobody wrote down either."""
    left_flowing(ledger, "ODE")
    command_stop(ledger, 320.0, ["ODE"])
    assert stop(ledger, 620.0, {"ODE": 500.0}, Unrecorded(doubted=("ODE",))).volumes_ul == {
        "ODE": 500.0
    }


def test_a_stream_that_nobody_flushes_with_is_charged_what_its_pump_tells(
    ledger: SyringeLedger,
) -> None:
    """Without a word in the journal only the safe state starts something."""
    left_flowing(ledger, "CuI")
    assert stop(ledger, 620.0, {"CuI": 900.0}, Unrecorded(doubted=("CuI",))).volumes_ul == {
        "CuI": 900.0
    }


def test_a_start_that_never_came_is_charged_nothing_though_its_pump_is_doubted(
    ledger: SyringeLedger,
) -> None:
    """A flush meanwhile would have changed what the pump tells."""
    left_flowing(ledger, "ODE")
    stop(ledger, 150.0, {"ODE": 200.0})
    start(ledger, 160.0, {"ODE": 100.0})
    assert stop(ledger, 620.0, {"ODE": 200.0}, Unrecorded(doubted=("ODE",))).volumes_ul == {
        "ODE": 0.0
    }


def test_a_first_report_is_news_where_nobody_could_write(ledger: SyringeLedger) -> None:
    """A pump that the journal says never ran was flushed with, and is charged what it tells."""
    unrecorded = Unrecorded(may_have_run=True)
    charge = stop(ledger, 700.0, {"ODE": 850.0, "CuI": 30.0}, unrecorded)
    assert charge.volumes_ul == {"ODE": 850.0}
