"""A vessel of the path from which a stream draws."""

from pathlib import Path

import pytest
from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.journal.events import Intent, Outcome, WentOn
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, ProfileError, load_profile_text
from flowrig.report.svg.rig_drawing import draw_rig
from flowrig.run_record.reader import RunRecord
from flowrig.safety.supply_lines import SupplyLines
from flowrig.safety.waste import WasteAccount

RIG = (
    'unset = ["devices.pump_ode", "streams.ODE.pump", "streams.ODE.syringe"]\n'
    + QUICK.format(experiments=2)
    + """
[devices.hplc]
driver = "ssi-hplc"
address = "COM32"
flow_rate_max = "10 mL/min"

[streams.ODE]
device = "hplc"
supply = { vessel = "flask", rinse = "1 mL" }

[path.flask]
kind = "vessel"
volume = "200 mL"
"""
    + WORLD
)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """What is installed, and the watched world."""
    return plugins_with()


@pytest.fixture(scope="module")
def rig(plugins: Plugins) -> Profile:
    return load_profile_text(RIG, "flask.toml", plugins)


def test_the_vessel_is_a_supply_and_no_waste(rig: Profile) -> None:
    assert rig.streams["ODE"].capacity_ul == 200_000.0
    assert "flask" not in WasteAccount(rig).capacity_ul
    assert "draws from flask" in str(draw_rig(rig))


def test_the_line_is_rinsed_until_it_holds_what_is_in_the_vessel(rig: Profile) -> None:
    """When a run starts, after a resumption, and after a person has filled the vessel."""
    lines = SupplyLines(rig)

    def drawn(volume_ul: float) -> None:
        lines.follow(Intent(command="stop", streams=("ODE",)))
        volumes = {"ODE": volume_ul}
        lines.follow(Outcome(intent=0, command="stop", outcome="done", dispensed_ul=volumes))

    assert lines.needed_ul(["ODE", "CuI"]) == {"ODE": 1000.0}
    drawn(400.0)
    assert lines.needed_ul(["ODE"]) == {"ODE": 600.0}
    drawn(700.0)
    assert lines.needed_ul(["ODE"]) == {}
    lines.follow(WentOn(by="terminal", refilled=("CuI",), emptied=()))
    assert lines.needed_ul(["ODE"]) == {}
    lines.follow(WentOn(by="terminal", refilled=("ODE",), emptied=()))
    assert lines.needed_ul(["ODE"]) == {"ODE": 1000.0}
    drawn(1000.0)
    assert lines.needed_ul(["ODE"]) == {}


WRONG = {
    "unknown": ('vessel = "flask"', 'vessel = "flusk"', "did you mean 'flask'"),
    "no vessel": ('vessel = "flask"', 'vessel = "mixer"', "unknown vessel 'mixer'"),
    "no volume": ('volume = "200 mL"', 'note = "large"', "has no volume"),
    "leads on": ('volume = "200 mL"', 'volume = "200 mL"\nto = "waste"', "leads on"),
    "is fed": ("[path.flask]", '[path.cell_pl]\nto = "flask"\n[path.flask]', "leads into 'flask'"),
    "rinse": ('rinse = "1 mL"', 'rinse = "0 mL"', "more than 0"),
    "too small": ('volume = "200 mL"', 'volume = "1 mL"', "the rinse takes alone"),
    "foreign key": ('rinse = "1 mL"', 'rinse = "1 mL", below = "1 mL"', "below"),
    "a syringe": (
        'supply = { vessel = "flask", rinse = "1 mL" }',
        'supply = { vessel = "flask", rinse = "1 mL" }\n'
        '[streams.CuI]\nsupply = { vessel = "flask", rinse = "1 mL" }',
        "draws from its syringe",
    ),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_check_refuses_vessels_that_are_no_supply(wrong: str, plugins: Plugins) -> None:
    before, after, message = WRONG[wrong]
    assert before in RIG
    with pytest.raises(ProfileError) as caught:
        load_profile_text(RIG.replace(before, after, 1), "flask.toml", plugins)
    assert message in str(caught.value)


@pytest.mark.slow
def test_a_run_rinses_once_and_counts_all_of_it(tmp_path: Path, plugins: Plugins) -> None:
    """What was drawn is off the account, with the rinse before the first flow."""
    (tmp_path / "flask.toml").write_text(RIG, encoding="utf-8")
    outcome, world, _ = run_watched(tmp_path / "flask.toml", tmp_path / "run", plugins)
    assert outcome.state == "finished", outcome.reason
    moved_ul = world._fluid.plungers["ODE"].moved_ul(world._access.clock.now_s())
    with RunRecord(tmp_path / "run", plugins) as record:
        ledger = record.ledger()
        rinses = [
            event.data
            for event in record.journal.events(Intent)
            if event.data.command == "start" and set(event.data.flow_rates_ul_min or {}) == {"ODE"}
        ]
    taken_ul = ledger.full_ul("ODE") - ledger.left_ul["ODE"]
    assert taken_ul == pytest.approx(moved_ul, rel=0.03)
    assert taken_ul > 1000.0
    assert len(rinses) == 1
    assert ledger.lines.needed_ul(["ODE"]) == {}
