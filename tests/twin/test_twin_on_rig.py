"""A twin in the place of the simulated rig's chemistry."""

from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.emulation import Product
from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile, read_profile
from flowrig.run.on_twin import with_twin
from flowrig.run_record.reader import RunRecord
from flowrig_sim.fluid_state import FluidState
from flowrig_sim.optics.spectra import EmissionOptics
from flowrig_sim.settings import FluidicSettings

pytestmark = pytest.mark.xdist_group("twin on rig")  # what they share is made once

PUBLISHED = Path(__file__).parents[1] / "learning" / "data" / "cs3cu2i5_lhs_chem1.csv"
PROFILE = "cs3cu2i5-heatup-chem1"


@pytest.fixture(scope="module")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Gaussian process of the published Chem1 experiments, as the command keeps it."""
    out = tmp_path_factory.mktemp("twin") / "twin.npz"
    words = ["twin", "train", PUBLISHED, "--profile", PROFILE, "--surrogate", "gp", "--out", out]
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exit_code == 0, done.output
    assert "gp of 60 experiments" in done.output
    return out


def optics(product: Product) -> tuple[float, float]:
    """Absorbance at 300 nm in the published cell, and emission area [counts·nm]."""
    seen = EmissionOptics(np.linspace(200.0, 1100.0, 901), 1.016)
    return seen.absorption.at(product, 300.0), seen.area(product)


def test_the_reactor_yields_what_was_measured(twin: Path) -> None:
    """At the published conditions, absorbance and PL area come out as published."""
    rig = load_profile(PROFILE, Plugins.discover())
    fluid = FluidState(rig, FluidicSettings(twin=twin), 1, None, 0.0)
    table = np.genfromtxt(PUBLISHED, delimiter=",", names=True)
    found = np.array(
        [
            optics(product)
            for row in table
            for product in [
                fluid.steady_product(
                    {
                        "temperature": row["temperature_c"],
                        "CuI": row["cui_ul_min"],
                        "ZnI2": row["zni2_ul_min"],
                        "CsOA": row["csoa_ul_min"],
                        "ODE": row["ode_ul_min"],
                    }
                )
            ]
        ]
    )
    for column, name in enumerate(("absorbance_300nm", "pl_area")):
        assert np.corrcoef(found[:, column], table[name])[0, 1] > 0.95


def test_carrier_oil_alone_gives_nothing(twin: Path) -> None:
    """Without precursors there is next to no absorbance and no emission."""
    rig = load_profile(PROFILE, Plugins.discover())
    fluid = FluidState(rig, FluidicSettings(twin=twin), 1, None, 0.0)
    none = dict.fromkeys(("CuI", "ZnI2", "CsOA"), 0.0) | {"temperature": 150.0, "ODE": 250.0}
    product = fluid.steady_product(none)
    absorbance, area = optics(product)
    assert area == 0.0
    assert absorbance < 0.01


@pytest.mark.slow
def test_a_run_on_a_twin(twin: Path, tmp_path: Path) -> None:
    """`--simulate twin:FILE` runs the whole rig on what the twin learnt."""
    campaign = tmp_path / "short.toml"
    campaign.write_text(
        f'extends = "{PROFILE}"\ntitle = "short"\n'
        '[analysis]\nframes = 60\nframe_interval = "100 ms"\nreactive_frames = 15\n'
        '[campaign]\n[[campaign.stages]]\nname = "x"\noptimizer = "lhs"\n'
        "experiments = 2\nbatch = 2\n",
        encoding="utf-8",
    )
    words = ["run", str(campaign), "--simulate", f"twin:{twin}", "--out", str(tmp_path / "run")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    with RunRecord(tmp_path / "run") as record:
        rig, measured = record.profile, record.experiments()
        fluid = FluidState(rig, FluidicSettings(twin=twin), 1, None, 0.0)
        for experiment in measured:
            absorbance, area = optics(fluid.steady_product(experiment.conditions))
            assert experiment.features["a300"] == pytest.approx(absorbance, rel=0.2)
            assert experiment.features["pla"] == pytest.approx(area, rel=0.25)
    assert len(measured) == 2


def test_a_twin_of_another_rig_is_refused(twin: Path) -> None:
    """A rig with another search space is reported before anything runs."""
    other = load_profile(PROFILE, Plugins.discover())
    first, *others = other.variables
    low, high = first.range
    hotter = evolve(other, variables=(evolve(first, range=(low, high - 5.0)), *others))
    with pytest.raises(InputError, match="another search space"):
        FluidState(hotter, FluidicSettings(twin=twin), 1, None, 0.0)


def test_what_lacks_is_reported(twin: Path) -> None:
    """A missing file is reported with advice."""
    rig = read_profile(PROFILE, Plugins.discover())
    with pytest.raises(InputError, match="flowrig twin train"):
        with_twin(rig, Path("nowhere.npz"))


def test_a_rig_without_a_world_of_its_own_takes_a_twin(twin: Path) -> None:
    """Without [simulation] the world is the usual one."""
    rig = read_profile(PROFILE, Plugins.discover())
    bare = evolve(rig, document=rig.document.without("simulation"))
    simulation = with_twin(bare, twin).document.content["simulation"]
    assert simulation == {"twin": twin.as_posix()}
