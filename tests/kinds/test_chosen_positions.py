"""A category whose choices are the positions of a valve."""

from pathlib import Path

import pytest
from other_devices import DEVICES, plugins_with_kit
from watched_rig import QUICK, run_watched

from flowrig.journal.events import Intent, Measured
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import ProfileError, load_profile_text

CHOSEN = DEVICES.replace('[settings]\nselector = "fill"\n', "")
WAY = '[[space]]\nname = "way"\nis = "selector"\nchoices = ["off", "fill"]\n'


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    """The drivers of the rig, and what is installed."""
    return plugins_with_kit()


def test_the_valve_stands_where_the_experiment_wants_it(tmp_path: Path, plugins: Plugins) -> None:
    """It is safe for the lamp reference, then where each experiment wants it, then safe again."""
    quick = QUICK.format(experiments=2).replace('"lhs"', '"grid"')
    (tmp_path / "rig.toml").write_text(quick + CHOSEN + WAY, encoding="utf-8")
    outcome, _, _ = run_watched(tmp_path / "rig.toml", tmp_path / "run", plugins)
    assert (outcome.state, outcome.reason) == ("finished", "")
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        measured = [one.data for one in journal.events(Measured)]
        told = [one.data.positions for one in journal.events(Intent)]
    assert {one.conditions["way"] for one in measured} == {"off", "fill"}
    turned = [one["selector"] for one in told if one]
    assert turned == ["run", *(one.conditions["way"] for one in measured), "run"]


WRONG = [
    (WAY.replace('"off"', '"of"'), "unknown position 'of'"),
    (WAY.replace('"selector"', '"gauge"'), "'gauge' has no positions"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_positions_that_are_not_there_are_found(text: str, said: str, plugins: Plugins) -> None:
    """Each mistake is named."""
    with pytest.raises(ProfileError) as caught:
        load_profile_text(QUICK.format(experiments=2) + CHOSEN + text, "rig.toml", plugins)
    assert said in str(caught.value)
