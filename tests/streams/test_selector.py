"""A selector valve before a pump: the line is rinsed whenever another liquid comes."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from flow_sources import SELECTED, plugins_with_sources
from hypothesis import given
from hypothesis import strategies as st
from watched_rig import run_watched

from flowrig.errors import InterlockError, UnknownOutcomeError
from flowrig.interfaces import PumpState
from flowrig.journal.events import Intent, Measured, Outcome, StepBegun
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.operator.requests import OperatorRequests
from flowrig.planning.plan import plan_campaign
from flowrig.plugins.registry import Plugins
from flowrig.procedure.executor import Executor
from flowrig.procedure.steps import SetFlowRates, SetValues, Start, Step
from flowrig.profile import Profile, SafeStep, load_profile
from flowrig.rig.rig import open_rig
from flowrig.run_record.reader import RunRecord
from flowrig.safety.actuation import Actuation
from flowrig.safety.flush import Flush
from flowrig.safety.supply_lines import SupplyLines
from flowrig.safety.syringes import SyringeLedger

RINSE_UL = 2000.0


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """The drivers of the rig, and what is installed."""
    return plugins_with_sources()


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins) -> Profile:
    """The rig."""
    path = tmp_path_factory.mktemp("rig") / "rig.toml"
    path.write_text(SELECTED, encoding="utf-8")
    return load_profile(path, plugins)


def turn(lines: SupplyLines, position: str, outcome: str = "done") -> None:
    """Turn the selector."""
    lines.follow(Intent(command="set-values", positions={"selector": position}))
    lines.follow(Outcome(intent=1, command="set-values", outcome=outcome))


def draw(lines: SupplyLines, volume_ul: float) -> None:
    """Deliver from where the selector stands."""
    drawn = {"ODE": volume_ul, "CuI": 1.0}
    lines.follow(Outcome(intent=2, command="stop", outcome="done", dispensed_ul=drawn))


def needed_ul(lines: SupplyLines) -> float:
    """What is still to be rinsed."""
    return lines.needed_ul(["CuI", "ODE"]).get("ODE", 0.0)


STEPS = st.lists(
    st.one_of(st.sampled_from(["off", "ode", "heptane"]), st.floats(0.0, 3000.0, allow_nan=False)),
    max_size=12,
)


@given(steps=STEPS)
def test_a_line_is_rinsed_until_it_holds_what_the_valve_leads_to(
    profile: Profile, steps: list[Any]
) -> None:
    """Needed is the rinse, less what was drawn in a row at this position; turning away and back
    without drawing anything changes nothing."""
    lines = SupplyLines(profile)
    at, drawn_at, drawn_ul = None, None, 0.0
    for step in steps:
        if isinstance(step, str):
            turn(lines, step)
            at = step
        elif step > 0.0:
            draw(lines, step)
            drawn_ul = step + (drawn_ul if at == drawn_at else 0.0)
            drawn_at = at
    known_ul = drawn_ul if at is not None and at == drawn_at else 0.0
    assert needed_ul(lines) == pytest.approx(max(RINSE_UL - known_ul, 0.0))


def test_a_turn_of_unknown_outcome_counts_as_a_change(profile: Profile) -> None:
    """Nobody knows what was drawn then."""
    lines = SupplyLines(profile)
    turn(lines, "ode")
    draw(lines, RINSE_UL)
    assert needed_ul(lines) == 0.0
    turn(lines, "heptane", "unknown")
    assert needed_ul(lines) == RINSE_UL
    draw(lines, RINSE_UL)
    assert needed_ul(lines) == RINSE_UL
    turn(lines, "ode")
    assert needed_ul(lines) == RINSE_UL


def test_the_line_is_rinsed_after_every_change(tmp_path: Path, plugins: Plugins) -> None:
    """And only then; the rinse is in the account, in the waste and in the plan."""
    path, folder = tmp_path / "rig.toml", tmp_path / "run"
    path.write_text(SELECTED.replace("experiments = 2", "experiments = 3"), encoding="utf-8")
    outcome, world, _ = run_watched(path, folder, plugins)
    assert outcome.state == "finished", outcome.reason
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        chosen = [str(event.data.conditions["solvent"]) for event in journal.events(Measured)]
        rinses = [event.data for event in journal.events(StepBegun) if "rinsing" in event.data.what]
        stops = [event.data.dispensed_ul or {} for event in journal.events(Outcome)]
    changes = 1 + sum(one != other for one, other in pairwise(chosen))
    assert len(rinses) == changes
    rinsed_ul = [one["ODE"] for one in stops if {*one} == {"ODE"}]
    assert rinsed_ul == pytest.approx([RINSE_UL] * changes, rel=0.01)
    assert sum(one.get("ODE", 0.0) for one in stops) == pytest.approx(
        world.pump("hplc").moved_ul, abs=0.5
    )
    with RunRecord(folder, plugins) as record:
        assert record.ledger().lines.needed_ul(["ODE"]) == {
            "ODE": RINSE_UL
        }  # its valve is safe at it
        planned = plan_campaign(record.profile, record.seed)
    if planned.known == planned.experiments:
        assert planned.volumes_ul["ODE"] == pytest.approx(world.pump("hplc").moved_ul, rel=0.02)
    assert re.search("rinsing the line of ODE", rinses[0].what)


def test_the_selector_turns_to_a_liquid_before_the_flush(profile: Profile) -> None:
    """With every stream at rest: the flush draws from its safe position."""
    steps = profile.safe_state
    flush = next(n for n, step in enumerate(steps) if step.do == "flush")
    assert {*steps[flush - 2].streams} == {*profile.streams}
    assert (steps[flush - 1].do, steps[flush - 1].devices) == ("safe", ("selector",))


def test_nothing_starts_at_a_position_without_a_liquid(tmp_path: Path, plugins: Plugins) -> None:
    """Whoever asks: neither a step of a procedure nor the flush draws from a closed port."""
    path = tmp_path / "rig.toml"
    path.write_text(SELECTED, encoding="utf-8")
    flush = SafeStep(do="flush", flow_rates_ul_min={"ODE": 100.0}, at_most_s=10.0)
    with open_rig(load_profile(path, plugins), simulate=True, plugins=plugins) as rig:
        actuation = Actuation(rig, lambda event: 0, SyringeLedger(rig.profile))
        executor = Executor(actuation, lambda event: None, OperatorRequests())
        with pytest.raises(InterlockError, match="nobody has turned it yet"):
            executor.run(iter_steps(SetFlowRates({"ODE": 100.0}), Start(("ODE",))))
        with pytest.raises(InterlockError, match="it is at 'off', and ODE draws a liquid at ode"):
            executor.run(iter_steps(SetValues({"selector": "off"}), Start(("ODE",))))
        with pytest.raises(UnknownOutcomeError, match="so ODE does not flush"):
            Flush(flush, actuation, lambda: False).run()
        assert rig.pump_states(["ODE"])["ODE"] is PumpState.STOPPED
        executor.run(iter_steps(SetValues({"selector": "heptane"})))
        Flush(flush, actuation, lambda: False).run()
        drawn_ul = rig.dispensed(["ODE"])["ODE"].volume_ul
    assert drawn_ul == pytest.approx(100.0 / 6, rel=0.05)


def iter_steps(*steps: Step) -> Iterator[Step]:
    """A procedure of these steps."""
    yield from steps
