"""`flowrig twin report`: the published experiments give the published order of conditions."""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.report.svg.heat_map import color_of
from flowrig.report.twin_page import render_twin
from flowrig.twin import read_experiments
from flowrig.twin.study import TwinStudy, fit_count, study_twin
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess

pytestmark = pytest.mark.xdist_group("twin report")  # what they share is made once

PUBLISHED = Path(__file__).parents[1] / "learning" / "data" / "cs3cu2i5_lhs_chem3.csv"
PROFILE = "cs3cu2i5-heatup-chem3"


@pytest.fixture(scope="module")
def study() -> TwinStudy:
    """The twin of the 60 published experiments with the Chem3 precursors."""
    rig = load_profile(PROFILE, Plugins.discover())
    experiments = read_experiments(
        PUBLISHED,
        rig.space,
        rig.objective.responses,
        {"a300": "absorbance_300nm", "pla": "pl_area"},
    )
    settings = GaussianProcessSettings(restarts=0)
    fits: list[int] = []
    made = study_twin(
        experiments.training_set(rig.objective),
        rig.space,
        lambda seed: GaussianProcess(settings, seed),
        repeats=1,
        on_fit=lambda: fits.append(1),
    )
    assert len(fits) == fit_count(60, 1)
    return made


@pytest.mark.slow
def test_the_published_order_of_conditions(study: TwinStudy) -> None:
    """CsOA, temperature and CuI matter most, ODE least, as in the paper's Shapley analysis."""
    order = [study.space.names[column] for column in study.attribution.ranking]
    assert set(order[:3]) == {"CsOA", "temperature", "CuI"}
    assert order[0] == "CsOA"
    assert order[-1] == "ODE"


@pytest.mark.slow
def test_less_caesium_and_more_heat_are_better(study: TwinStudy) -> None:
    """The effects have the published signs."""
    for name, sign in (("CsOA", -1), ("temperature", 1), ("CuI", 1), ("ZnI2", 1)):
        column = study.space.names.index(name)
        slope = np.corrcoef(study.data.X[:, column], study.attribution.values[:, column])
        assert sign * slope[0, 1] > 0.4, name


@pytest.mark.slow
def test_a_fifth_is_not_learnt_from(study: TwinStudy) -> None:
    """The parity plot tells 48 training experiments from 12 that the twin has not seen."""
    assert study.training.sum() == 48
    assert study.predicted.mean.shape == (60, 2)


@pytest.mark.slow
def test_surfaces_of_the_strongest_pairs(study: TwinStudy) -> None:
    """Three pairs, each with the other conditions low, medium and high."""
    assert len(study.surfaces) == 9
    assert {one.level for one in study.surfaces} == {"low", "medium", "high"}


@pytest.mark.slow
def test_the_page_is_well_formed(study: TwinStudy) -> None:
    """The page is one well-formed document that loads nothing and runs nothing."""
    labels = {"pla": "PL <area>", "CuI": "CuI flow rate", "objective": "in-situ PLQY"}
    page = render_twin(study, "a <rig>", "gp", labels=labels, units={"pla": "counts·nm"})
    ElementTree.fromstring(page[page.index("<body>") : page.index("</html>")])
    assert "<script" not in page
    assert "a &lt;rig&gt;" in page
    assert page.count("<svg") > 15
    assert "measured PL &lt;area&gt; (counts·nm)" in page
    assert "measured A300" in page
    assert "CuI flow rate (µL/min)" in page
    assert "in-situ PLQY over the strongest conditions" in page


@pytest.mark.slow
def test_the_split_has_the_two_numbers_that_papers_give(study: TwinStudy) -> None:
    """R² of the 48 experiments that the twin has learnt from, and of the 12 others."""
    assert [one.name for one in study.split] == ["a300", "pla", "PLQY proxy"]
    for one in study.split[1:]:
        assert 0.8 < one.unseen < one.seen + 0.05 < 1.05
    page = render_twin(study, "a rig", "gp")
    last = study.split[-1]
    wanted = f"R² = {last.seen:.3f} of the 48 experiments in the training set, {last.unseen:.3f}"
    assert wanted in page


@pytest.mark.slow
def test_the_command_writes_a_page(tmp_path: Path) -> None:
    """A CSV file and a profile are enough; without the profile the command says what lacks."""
    out = tmp_path / "twin.html"
    words = ["twin", "report", str(PUBLISHED), "--out", str(out), "--surrogate", "gp"]
    refused = CliRunner().invoke(main, words)
    assert refused.exit_code == 2
    assert "--profile NAME" in refused.output
    done = CliRunner().invoke(main, [*words, "--profile", PROFILE, "--repeats", "1"])
    assert done.exit_code == 0, done.output
    assert "in cross-validation" in done.output
    assert "R² of 48 experiments in the training set, and of 12" in done.output
    assert "Which conditions matter" in out.read_text(encoding="utf-8")


def test_colours_run_from_dark_to_light() -> None:
    """Lower values are darker, and values outside take the end's colour."""
    assert color_of(-1.0) == color_of(0.0) == "#440154"
    assert color_of(2.0) == color_of(1.0) == "#fde725"
    light = [sum(bytes.fromhex(color_of(x)[1:])) for x in (0.0, 0.5, 1.0)]
    assert light == sorted(light)
