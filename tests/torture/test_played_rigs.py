"""The fault board on other rigs than the reference rig: which faults they can have, and cells."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from patience import unhurried

from flowrig.cli import main
from flowrig.errors import InputError
from flowrig.profile.library import shipped_folder
from flowrig.torture import (
    FAULTS,
    REFERENCE,
    Cell,
    Kind,
    Phase,
    RigChoice,
    applicable,
    choose_cells,
    choose_pairs,
    require_playable,
    rig_of,
    run_cell,
)
from flowrig.torture.rehearsal import REHEARSED, occurrences_of, rehearse

OTHER_DRIVERS = str(Path(__file__).with_name("other_drivers.toml"))
"""Pumps on one port, a valve, two sensors, a gas controller, and a light that nobody can shut."""

GAS_CARRIER = str(Path(__file__).with_name("gas_carrier.toml"))
"""A stream without a syringe: nitrogen between the slugs."""

REFILLING = str(Path(__file__).with_name("refilling.toml"))
"""Two syringes that fill themselves from reservoirs, before every experiment."""

TWO_PUMPS = "cspbbr3-larp"
"""Two pumps and two spectrometers at room temperature, one phase, no flush."""

ONE_DETECTOR = "maria-kriging"
EIGHT_PUMPS = "cs3cu2i5-hot-injection"


def slow(*values: Any) -> Any:
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("rig", "cell"),
    [
        (TWO_PUMPS, "0/connect/1"),
        slow(TWO_PUMPS, "8/settle/1"),
        slow(TWO_PUMPS, "17/settle/1"),
        slow(TWO_PUMPS, "17/measure/2"),
        slow(TWO_PUMPS, "21/connect/1"),
        slow(TWO_PUMPS, "34/settle/1"),
        slow(TWO_PUMPS, "35/settle/1"),
        slow(TWO_PUMPS, "42/cool-down/1"),
        slow(TWO_PUMPS, "45/settle/1"),
        slow(TWO_PUMPS, "46/settle/1"),
        slow(TWO_PUMPS, "51/measure/1"),
        slow(ONE_DETECTOR, "15/connect/1"),
        slow(ONE_DETECTOR, "29/connect/1"),
        slow(ONE_DETECTOR, "42/commit/1"),
        slow(EIGHT_PUMPS, "1/settle/1"),
        slow(EIGHT_PUMPS, "26/flow/1"),
        slow(EIGHT_PUMPS, "43/heat-up/1"),
        slow(GAS_CARRIER, "21/connect/1"),
        slow(GAS_CARRIER, "42/settle/1"),
        slow(GAS_CARRIER, "54/settle/1"),
        slow(OTHER_DRIVERS, "0/connect/1"),
        slow(OTHER_DRIVERS, "12/settle/1"),
        slow(OTHER_DRIVERS, "13/measure/1"),
        slow(OTHER_DRIVERS, "18/flow/1"),
        slow(OTHER_DRIVERS, "20/settle/1"),
        slow(OTHER_DRIVERS, "43/settle/1"),
        slow(OTHER_DRIVERS, "66/settle/1"),
        slow(OTHER_DRIVERS, "67/flow/1"),
        slow(REFILLING, "0/connect/1"),
        slow(REFILLING, "42/refill/1"),
        slow(REFILLING, "43/refill/1"),
        slow(REFILLING, "68/connect/1"),
        slow(REFILLING, "68/refill/1"),
        slow(REFILLING, "69/refill/1"),
        slow(REFILLING, "69/refill/3"),
        slow(REFILLING, "42/v_cui-byte-40/1"),
        slow(REFILLING, "42/v_pfo-byte-60/1"),
    ],
)
@unhurried
def test_every_promise_holds_on_other_rigs(rig: str, cell: str) -> None:
    """Nothing is lost, unsafe, doubled or unreported, whatever the rig has."""
    assert not run_cell(Cell.parse(cell), rig_of(RigChoice(rig))).breaches


def test_refills_are_killed_while_they_are_under_way() -> None:
    """Only a rig whose syringes fill themselves has these faults and this phase."""
    assert {68, 69} <= {fault.number for fault in applicable(rig_of(RigChoice(REFILLING)))}
    assert "no syringe of the rig fills itself" in FAULTS[68].why_not_on(REFERENCE)
    assert {
        cell.moment
        for cell in choose_cells(
            full=True, seeds=1, healthy=0, faults=[69], rig=rig_of(RigChoice(REFILLING))
        )
    } == {Phase.REFILL}


def test_a_rig_with_lines_has_their_faults() -> None:
    """A switch that leads fibres on is a valve to the board."""
    possible = {fault.number for fault in applicable(rig_of(RigChoice("numbering-up")))}
    assert {20, 65, 66, 71} <= possible


def test_faults_follow_from_the_devices() -> None:
    """A rig without a heater has no fault of a heater, and the reason is there."""
    rig = rig_of(RigChoice(TWO_PUMPS))
    possible = {fault.number for fault in applicable(rig)}
    assert {1, 13, 17, 33, 42} <= possible
    assert {23, 29, 63, 65, 67} & possible == set()
    assert FAULTS[26].why_not_on(rig) == "the rig has no heater"
    assert FAULTS[66].why_not_on(rig) == "the rig has no valve"
    assert "no-slugs" not in rig.faults["hdx_pl"]
    others = {fault.number for fault in FAULTS.values() if fault.why_not_on(REFERENCE)}
    assert others == {5, 19, 48, 68, 69, 71}


def test_faults_follow_from_what_emulators_offer() -> None:
    """Any driver takes part with the faults that its emulator offers."""
    rig = rig_of(RigChoice(OTHER_DRIVERS))
    possible = {fault.number for fault in applicable(rig)}
    assert {9, 10, 18, 20, 54, 65, 66, 67} <= possible
    assert FAULTS[58].why_not_on(rig) == "no emulated pump of this rig offers it"
    assert rig.kinds(["power-cycle"]) == ["pump", "spectrometer", "flow_controller"]
    assert set(rig.kinds()) == {"pump", "spectrometer", "valve", "sensor", "flow_controller"}


@pytest.mark.parametrize("name", [one.stem for one in sorted(shipped_folder().glob("*.toml"))])
def test_every_shipped_rig_can_be_played(name: str) -> None:
    """Each profile carries the short campaign, and has links that can be cut."""
    rig = rig_of(RigChoice(name))
    assert rig.profile.campaign is not None
    assert [stage.experiments for stage in rig.profile.campaign.stages] == [2, 1]
    assert FAULTS[1].why_not_on(rig) == ""
    assert rig.profile.safe_state == rig_of(RigChoice(name)).profile.safe_state


@pytest.mark.slow
def test_the_reference_rig_was_rehearsed() -> None:
    """Its phases are those of a campaign of its own."""
    assert rehearse(REFERENCE) == REHEARSED == occurrences_of(REFERENCE)


def test_phases_follow_from_a_rehearsal() -> None:
    """Without a flush, a refill or a heater no fault strikes in such a phase, nor in a pair."""
    rig = rig_of(RigChoice(TWO_PUMPS))
    cells = choose_cells(full=True, seeds=1, healthy=1, rig=rig)
    assert {cell.moment for cell in cells} == set(Phase) - {
        Phase.FLUSH,
        Phase.REFILL,
        Phase.HEAT_UP,
    }
    possible = {fault.number for fault in applicable(rig)}
    assert {cell.fault for cell in cells} - {0} <= possible
    pairs = choose_pairs(count=30, rig=rig)
    assert {n for pair in pairs for n in (pair.fault, pair.second)} <= possible
    for cell in ("42/flush/1", "26/flow/1", "42+27/flow/1"):
        with pytest.raises(InputError):
            require_playable(Cell.parse(cell), rig)


@pytest.mark.parametrize(
    ("rig", "said"),
    [("cspbbr3-lapr", "cspbbr3-larp"), ("nowhere/rig.toml", "rig.toml"), (TWO_PUMPS, "no heater")],
)
def test_what_cannot_be_played_is_refused(rig: str, said: str) -> None:
    """A rig that does not exist, and a fault that the rig cannot have."""
    done = CliRunner().invoke(main, ["torture", "--rig", rig, "--replay", "26/flow/1"])
    assert done.exit_code == 2
    assert said in done.output


@pytest.mark.slow
def test_a_rig_whose_campaign_stops_by_itself_is_refused(tmp_path: Path) -> None:
    """The reason is that of the run, before any fault is played."""
    path = tmp_path / "thick.toml"
    own = Path(OTHER_DRIVERS).read_text(encoding="utf-8")
    path.write_text(own.replace('above = "30 bar"', 'above = "1.1 bar"'), encoding="utf-8")
    done = CliRunner().invoke(main, ["torture", "--rig", str(path)])
    assert done.exit_code == 2
    assert "although nothing is wrong" in done.output
    assert "above 1.1 bar" in done.output


@pytest.mark.slow
def test_the_command_plays_another_rig() -> None:
    """Workers play the same rig, and the board says which faults it cannot have."""
    words = ["--rig", TWO_PUMPS, "--faults", "16", "--jobs", "1", "--json"]
    board = json.loads(CliRunner().invoke(main, ["torture", *words]).stdout)
    assert board["rig"] == TWO_PUMPS
    assert [cell["endings"] for cell in board["cells"]] == [["refused"]]
    assert board["faults"][26]["not_applicable"] == "the rig has no heater"


@pytest.mark.slow
def test_a_broken_promise_is_replayed_on_the_same_rig(monkeypatch: pytest.MonkeyPatch) -> None:
    """The printed command names the rig."""
    from flowrig.safety.syringes import Charge, SyringeLedger

    monkeypatch.setattr(SyringeLedger, "charge_of", lambda *_, **__: Charge({}, ()))
    assert Kind.DOUBLE in {
        breach.kind
        for breach in run_cell(Cell.parse("0/connect/1"), rig_of(RigChoice(TWO_PUMPS))).breaches
    }
    words = ["torture", "--rig", TWO_PUMPS, "--replay", "0/connect/1"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 1
    assert f"flowrig torture --rig {TWO_PUMPS} --replay 0/connect/1" in done.output


@pytest.mark.slow
@pytest.mark.parametrize("cell", ["42/measure/1", "54/measure/1", "1/settle/3", "0/connect/4"])
def test_a_study_keeps_every_promise(cell: str) -> None:
    """Its points continue, its flow is kept, and a fault strikes somewhere in between."""
    rig = rig_of(RigChoice("", "robustness", ("duration=1 min",)))
    stages = [stage.name for stage in rig.profile.campaign.stages]
    assert stages == ["explore", "study", "improve"]
    assert not run_cell(Cell.parse(cell), rig).breaches


def test_a_replay_names_the_study() -> None:
    """The words of a broken cell say which rig, which study, and how."""
    choice = RigChoice("my rig.toml", "robustness", ("duration=1 min",))
    assert choice.options == "--rig 'my rig.toml' --study robustness --set 'duration=1 min'"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--set", "duration=1 min"], "--study"),
        (["--study", "robustness", "--set", "duration"], "expected key=value"),
        (["--study", "robust"], "robustness"),
    ],
)
def test_a_study_that_does_not_exist_is_refused(words: list[str], told: str) -> None:
    """With what would fit, before anything is played."""
    done = CliRunner().invoke(main, ["torture", *words, "--replay", "0/connect/1"])
    assert done.exit_code == 2
    assert told in done.stderr
