"""Whole spectra: for an objective, for an optimizer, in records and exports."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from attrs import frozen
from one_spectrometer import EMISSION

import flowrig
from flowrig.errors import InputError
from flowrig.interfaces import Optimizer, OptimizerSettings
from flowrig.plugins import Offer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import Goal, Objective, TargetObjective
from flowrig.problem.spectral import SpectrumMatch
from flowrig.profile import ProfileError, load_profile_text
from flowrig.report.exports import spectra as exported

NM = np.linspace(350.0, 650.0, 301)


def band(peak_nm: float, height: float = 1.0) -> np.ndarray:
    return height * np.exp(-(((NM - peak_nm) / 30.0) ** 2))


def match(**changed: Any) -> SpectrumMatch:
    places = (420.0, 440.0, 460.0, 480.0, 500.0)
    wanted = tuple(np.interp(places, NM, band(460.0)).tolist())
    return SpectrumMatch(**{"channel": "pl", "wavelengths_nm": places, "wanted": wanted, **changed})


def test_the_nearer_spectrum_matches_better() -> None:
    """The same shape of any height is 1; it falls as the band moves away."""
    objective = match()
    found = [
        float(objective.compute({"pl": (NM, band(peak, 500.0))})["mismatch"])
        for peak in (460.0, 465.0, 480.0, 500.0)
    ]
    assert found[0] == pytest.approx(0.0, abs=1e-12)
    assert found == sorted(found)
    assert objective.value(np.array([found[1]])) == 1.0 - found[1]


def test_no_spectrum_has_no_mismatch() -> None:
    """Darkness, and a spectrum that does not reach."""
    assert np.isnan(match().compute({"pl": (NM, 0.0 * NM)})["mismatch"])
    assert np.isnan(match().compute({"pl": (NM[:50], band(460.0)[:50])})["mismatch"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"wanted": (1.0, 2.0)}, "give as many of both"),
        ({"wavelengths_nm": (420.0, 440.0, 430.0, 480.0, 500.0)}, "do not rise"),
        ({"wanted": (0.0,) * 5}, "is zero"),
    ],
)
def test_a_wanted_spectrum_that_is_none_is_refused(changed: Mapping[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        match(**changed)


def test_a_goal_may_be_a_spectrum() -> None:
    """What the objective of a goal computes and reads is that of the whole."""
    whole = TargetObjective(
        goals=(
            Goal(objective=match(), above=0.9, tolerance=0.1),
            Goal(response="bright", above=10.0, tolerance=5.0),
        )
    )
    assert whole.responses == ("mismatch", "bright")
    assert (dict(whole.computed), whole.spectra) == ({"mismatch": ""}, ("pl",))
    assert whole.compute({"pl": (NM, band(460.0))})["mismatch"] == pytest.approx(0.0, abs=1e-12)


@frozen(kw_only=True)
class CuriousSettings(OptimizerSettings):
    """It asks for spectra."""

    spectra: tuple[str, ...] = ("pl",)


class Curious(Optimizer):
    """An optimizer that keeps what it is given."""

    given: ClassVar[list[Mapping[str, Any]]] = []

    def _do_suggest(self, num_points: int) -> Sequence[Mapping[str, float]]:
        space = self.problem.space
        step = 0.3 + 0.2 * len(self.given)
        return [
            dict(row) for row in space.rows(space.from_unit(np.full((1, len(space.names)), step)))
        ]

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        self.given.extend(results)


class Broken(Objective):
    """An objective of a plugin that fails."""

    name = "broken"
    unit = ""
    responses = ("never",)
    computed: ClassVar = {"never": ""}  # type: ignore[misc]
    spectra = ("pl",)

    def compute(self, spectra: Mapping[str, Any]) -> Mapping[str, float]:
        raise ZeroDivisionError("no")

    def value(self, responses: Any) -> Any:
        return responses[..., 0]


class Plugin:
    @hookimpl
    def flowrig_optimizers(self) -> Sequence[Offer]:
        return [
            Offer(
                kind="optimizer",
                name="curious",
                target=f"{__name__}:Curious",
                settings=CuriousSettings,
            )
        ]

    @hookimpl
    def flowrig_objectives(self) -> Sequence[Offer]:
        target = f"{__name__}:Broken"
        return [Offer(kind="objective", name="broken", target=target, settings=frozen(Broken))]


MATCH = """
[objective]
name = "spectrum-match"
channel = "pl"
wavelengths = ["380 nm", "400 nm", "420 nm", "440 nm", "460 nm", "480 nm"]
wanted = [0.1, 0.2, 0.5, 1.0, 0.5, 0.1]
"""
HEAD, _, REST = EMISSION.partition("[objective]")
RIG = HEAD + MATCH + REST[REST.index("[[safe_state]]") :].replace('"lhs"', '"curious"')


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.discover(extra={"curious": Plugin()})


def test_a_campaign_on_a_whole_spectrum(tmp_path: Path, plugins: Plugins) -> None:
    """The mismatch is a feature; the optimizer gets the spectra that the record has."""
    (tmp_path / "rig.toml").write_text(RIG, encoding="utf-8")
    Curious.given.clear()
    options = flowrig.RunOptions(folder=tmp_path / "run", simulate=True, seed=3, plugins=plugins)
    assert flowrig.start_run(tmp_path / "rig.toml", options).state == "finished"
    with flowrig.RunRecord(tmp_path / "run", plugins) as record:
        first, second = record.experiments()
        axis, values = record.spectrum(1, "pl")
        objective = record.profile.objective
        mismatch = objective.compute({"pl": (axis, values)})["mismatch"]
        assert first.features["mismatch"] == mismatch
        assert first.objective == 1.0 - mismatch
        assert [one["pl"] for one in Curious.given] == [values.tolist()]
        assert Curious.given[0]["pl.axis"] == axis.tolist()
        with pytest.raises(InputError, match="no channel 'uv'; there are pl"):
            record.spectrum(1, "uv")
        exported.write(record, tmp_path / "spectra.csv")
    with (tmp_path / "spectra.csv").open(encoding="utf-8", newline="") as file:
        head, *rows = csv.reader(file)
    assert head[:3] == ["channel", "experiment", "place"]
    assert len(rows) == 2 * axis.size
    assert [float(row[4]) for row in rows[: axis.size]] == values.tolist()
    assert rows[0][3] == "nm"
    assert {row[1] for row in rows} == {str(first.index), str(second.index)}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('channel = "pl"', 'channel = "uv"', "unknown channel 'uv'"),
        (
            'optimizer = "curious"',
            'optimizer = "curious"\nspectra = ["uv"]',
            "unknown channel 'uv'",
        ),
        ("[features]", '[features]\nmismatch = "bright"', "[objective] gives a feature 'mismatch'"),
    ],
)
def test_channels_that_are_not_there_are_told(
    plugins: Plugins, old: str, new: str, said: str
) -> None:
    with pytest.raises(ProfileError) as caught:
        load_profile_text(RIG.replace(old, new, 1), "rig.toml", plugins)
    assert [one for one in caught.value.problems if said in str(one)], caught.value


def test_an_objective_that_fails_spoils_the_experiment_only(
    tmp_path: Path, plugins: Plugins
) -> None:
    """Its experiment is bad, and says why."""
    text = RIG.replace(MATCH, '\n[objective]\nname = "broken"\n').replace('"curious"', '"lhs"')
    (tmp_path / "rig.toml").write_text(text, encoding="utf-8")
    options = flowrig.RunOptions(folder=tmp_path / "run", simulate=True, seed=3, plugins=plugins)
    assert flowrig.start_run(tmp_path / "rig.toml", options).state == "finished"
    with flowrig.RunRecord(tmp_path / "run", plugins) as record:
        assert record.experiments()[0].quality == "bad"
        assert (
            "the objective 'broken' fails: ZeroDivisionError: no" in record.experiments()[0].flags
        )
