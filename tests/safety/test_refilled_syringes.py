"""The account of a syringe that fills itself, and of its reservoir: never more than there is."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from refilling_rig import refilling
from watched_rig import plugins_with

from flowrig.journal.events import CutLiquid, Intent, Outcome, Reading, Resumed, WentOn
from flowrig.procedure.refill import due_refills
from flowrig.profile import Profile, load_profile_text
from flowrig.safety.syringes import Charge, SyringeLedger, Unrecorded

RATE_UL_MIN = 500.0
FULL_UL, RESERVOIR_UL, MOST_UL = 1000.0, 20_000.0, 990.0
TOLERANCE_UL = 1e-6


@pytest.fixture(scope="module")
def profile() -> Profile:
    """A rig whose CuI and PFO fill themselves."""
    return load_profile_text(refilling(), "rig.toml", plugins_with())


def command(ledger: SyringeLedger, time_s: float, name: str, volume_ul: float | None) -> None:
    """The intent to start CuI, or to let it draw a volume."""
    volumes = None if volume_ul is None else {"CuI": volume_ul}
    rates = {"CuI": RATE_UL_MIN}
    intent = Intent(command=name, flow_rates_ul_min=rates, volumes_ul=volumes)
    ledger.follow(time_s, intent)


def stop(
    ledger: SyringeLedger,
    time_s: float,
    report_ul: float | None,
    unrecorded: Unrecorded | None = None,
) -> Charge:
    """A stop that works; returns the charge."""
    ledger.follow(time_s, Intent(command="stop", streams=("CuI",)))
    charge = ledger.charge_of(time_s, {"CuI": report_ul}, unrecorded)
    ledger.follow(
        time_s,
        Outcome(
            intent=0,
            command="stop",
            outcome="done",
            dispensed_ul=charge.volumes_ul,
            estimated=charge.estimated,
            drawn_ul=charge.drawn_ul or None,
            taken_ul=charge.taken_ul or None,
        ),
    )
    return charge


def drawn(ledger: SyringeLedger, time_s: float, planned_ul: float, report_ul: float | None) -> None:
    """A confirmed draw with what its pump reports."""
    command(ledger, time_s, "draw", planned_ul)
    ledger.follow(time_s, Outcome(intent=0, command="draw", outcome="done"))
    stop(ledger, time_s + planned_ul / RATE_UL_MIN * 60, report_ul)


def spent(ledger: SyringeLedger, ul: float) -> None:
    """CuI delivers a volume."""
    command(ledger, 0.0, "start", None)
    ledger.follow(0.0, Outcome(intent=0, command="start", outcome="done"))
    stop(ledger, ul / RATE_UL_MIN * 60, ul)


def test_a_draw_is_in_both_accounts(profile: Profile) -> None:
    """As much as the pump reports, also where that is less than it was told."""
    ledger = SyringeLedger(profile)
    spent(ledger, 600.0)
    drawn(ledger, 100.0, 590.0, 400.0)
    assert ledger.left_ul["CuI"] == pytest.approx(800.0)
    assert ledger.reservoirs.left_ul == {"CuI": pytest.approx(RESERVOIR_UL - 400.0)}
    assert ledger.waste.filled_ul == SyringeLedger(profile).waste.filled_ul


def test_an_unknown_draw_is_in_neither(profile: Profile) -> None:
    """It is not in the syringe, it is gone from the reservoir, and it takes room."""
    ledger = SyringeLedger(profile)
    spent(ledger, 600.0)
    drawn(ledger, 100.0, 590.0, None)
    assert ledger.left_ul["CuI"] == pytest.approx(400.0)
    assert ledger.reservoirs.left_ul["CuI"] == pytest.approx(RESERVOIR_UL - 590.0)
    assert ledger.room_ul("CuI") == pytest.approx(0.0)
    ledger.refilled("CuI")
    ledger.refilled("CuI.reservoir")
    assert (ledger.left_ul["CuI"], ledger.reservoirs.left_ul["CuI"]) == (FULL_UL, RESERVOIR_UL)


def test_what_was_drawn_while_the_valve_stood_elsewhere_is_not_known(profile: Profile) -> None:
    """Somebody has turned it: the syringe drew from the flow path."""
    ledger = SyringeLedger(profile)
    spent(ledger, 600.0)
    command(ledger, 100.0, "draw", 590.0)
    ledger.follow(100.0, Outcome(intent=0, command="draw", outcome="done"))
    ledger.follow(110.0, Reading(heaters={}, pumps={}, positions={"v_cui": "run"}))
    assert stop(ledger, 120.0, 160.0).estimated == ("CuI",)
    assert ledger.left_ul["CuI"] == pytest.approx(400.0)


def test_a_pump_that_may_have_flushed_since_is_charged_for_that(profile: Profile) -> None:
    """A watchdog that could write nothing has stopped the draw and flushed with the carrier."""
    ledger = SyringeLedger(profile)
    rates = {"PFO": 2000.0}
    intent = Intent(command="draw", flow_rates_ul_min=rates, volumes_ul={"PFO": 2000.0})
    ledger.follow(0.0, intent)
    ledger.follow(0.0, Outcome(intent=0, command="draw", outcome="done"))
    doubted = Unrecorded(doubted=("PFO",))
    charge = ledger.charge_of(600.0, {"PFO": 800.0}, doubted)
    assert charge.drawn_ul == {"PFO": 0.0}
    assert charge.volumes_ul["PFO"] >= 800.0
    assert charge.estimated == ("PFO",)
    whole = ledger.charge_of(600.0, {"PFO": 2000.0}, doubted)
    assert (whole.drawn_ul, whole.volumes_ul) == ({"PFO": 2000.0}, {})


def test_events_of_older_journals_draw_nothing(profile: Profile) -> None:
    """And where events are lost, reservoirs count as empty, as syringes do."""
    ledger = SyringeLedger(profile)
    ledger.follow(0.0, Outcome(intent=0, command="stop", outcome="done", dispensed_ul={"CuI": 5.0}))
    assert ledger.left_ul["CuI"] == pytest.approx(FULL_UL - 5.0)
    lost = CutLiquid(cut=1, text="", events=(), emptied_ul=dict(ledger.left_ul))
    ledger.follow(0.0, lost)
    assert (ledger.left_ul["CuI"], ledger.reservoirs.left_ul["CuI"]) == (0.0, 0.0)
    assert ledger.room_ul("CuI") == 0.0
    ledger.follow(0.0, WentOn(by="", refilled=("CuI.reservoir", "CuI")))
    assert (ledger.left_ul["CuI"], ledger.reservoirs.left_ul["CuI"]) == (FULL_UL, RESERVOIR_UL)


def test_syringes_are_filled_when_that_is_due(profile: Profile) -> None:
    """Below `below`, or for an experiment and the flush; a small rest of room is left alone."""
    ledger = SyringeLedger(profile)
    assert due_refills(profile, ledger, {"CuI": 100.0}).volumes_ul == {}
    spent(ledger, 150.0)
    assert due_refills(profile, ledger, {"ODE": 100.0, "CuI": 0.0}).volumes_ul == {}
    assert due_refills(profile, ledger, {"CuI": 10.0}).volumes_ul == {"CuI": pytest.approx(140.0)}


def test_a_reservoir_that_runs_low_is_asked_for(profile: Profile) -> None:
    """Only where the experiment needs it: before, the syringe takes what there is."""
    ledger = SyringeLedger(profile)
    ledger.reservoirs.take({"CuI": RESERVOIR_UL - 50.0})
    spent(ledger, 600.0)
    due = due_refills(profile, ledger, {"CuI": 100.0})
    assert (due.volumes_ul, due.empty) == ({"CuI": pytest.approx(50.0)}, ())
    due = due_refills(profile, ledger, {"CuI": 500.0})
    assert (due.volumes_ul, due.empty) == ({}, ("CuI.reservoir",))


HOW = st.sampled_from(["confirmed", "unconfirmed", "never-sent"])
KNOWN = st.booleans()
RUNS = st.lists(st.tuples(st.booleans(), HOW, KNOWN, st.floats(0.05, 1.0)), max_size=12)


@settings(max_examples=150, deadline=None)
@given(runs=RUNS)
def test_accounts_never_hold_more_than_there_is(
    profile: Profile, runs: list[tuple[bool, str, bool, float]]
) -> None:
    """Whatever was lost, and exactly as much where every pump could be asked."""
    ledger, time_s = SyringeLedger(profile), 0.0
    fill_ul, reservoir_ul, report_ul, exact = FULL_UL, RESERVOIR_UL, 0.0, True
    for number, (draws, how, known, share) in enumerate(runs):
        planned_ul = math.floor(ledger.room_ul("CuI") if draws else ledger.left_ul["CuI"])
        moved_ul = share * planned_ul + 1e-2 * number
        if planned_ul < 20.0 or moved_ul > planned_ul:
            continue
        command(ledger, time_s, "draw" if draws else "start", planned_ul if draws else None)
        if how == "confirmed":
            outcome = Outcome(intent=0, command="draw" if draws else "start", outcome="done")
            ledger.follow(time_s, outcome)
        if how != "never-sent":
            report_ul = moved_ul
            fill_ul += moved_ul if draws else -moved_ul
            reservoir_ul -= moved_ul if draws else 0.0
            time_s += moved_ul / RATE_UL_MIN * 60
        exact = exact and known and bool(report_ul)
        stop(ledger, time_s, (report_ul or None) if known else None)
        assert ledger.left_ul["CuI"] <= fill_ul + TOLERANCE_UL
        assert ledger.reservoirs.left_ul["CuI"] <= reservoir_ul + TOLERANCE_UL
        if ledger.room_ul("CuI"):
            assert fill_ul + ledger.room_ul("CuI") <= MOST_UL + TOLERANCE_UL
        if exact:
            assert ledger.left_ul["CuI"] == pytest.approx(fill_ul)
            assert ledger.reservoirs.left_ul["CuI"] == pytest.approx(reservoir_ul)
        time_s += 1.0


def test_a_resumption_fills_what_its_person_says(profile: Profile) -> None:
    """`--refilled CuI.reservoir` leaves the syringe as it is."""
    ledger = SyringeLedger(profile)
    spent(ledger, 600.0)
    ledger.reservoirs.take({"CuI": 15_000.0})
    resumed = Resumed(
        refilled=("CuI.reservoir",),
        emptied=(),
        versions={},
        objective=None,
        units={},
        planned=0,
        profile="",
        simulated=True,
        skipped=0,
        done=0,
        best=None,
    )
    ledger.follow(0.0, resumed)
    assert ledger.reservoirs.left_ul["CuI"] == RESERVOIR_UL
    assert ledger.left_ul["CuI"] == pytest.approx(400.0)
