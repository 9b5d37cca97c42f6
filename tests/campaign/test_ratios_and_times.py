"""A campaign whose variables are ratios, a time and a category, from the profile to the report."""

from pathlib import Path

import pytest

import flowrig as package
from flowrig.journal.events import Measured
from flowrig.report import content_of, render
from flowrig.run_record.reader import RunRecord

PROFILE = """extends = "cs3cu2i5-heatup-chem3"
unset = ["space", "dependent_flows", "campaign"]
analysis.frames = 20
analysis.reactive_frames = 10

[settings]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"

[sections.reaction]
start = "reactor"
end = "cooling"

[space]
temperature = { is = "plate", range = ["150 degC", "180 degC"] }
reaction_time = { is = "reaction.time", range = ["40 s", "60 s"] }
x_cu = { is = "CuI / (total - PFO)", range = [0.14, 0.24] }
x_zn = { is = "ZnI2 / (total - PFO)", range = [0.14, 0.24] }
x_cs = { is = "CsOA / (total - PFO)", range = [0.04, 0.16] }

[campaign]
surrogate = "gp"
"""
STAGE = """[[campaign.stages]]
name = "{name}"
optimizer = "{optimizer}"
experiments = {experiments}
"""


def run(folder: Path, *stages: tuple[str, int]) -> Path:
    """A simulated run; its folder."""
    text = PROFILE + "".join(
        STAGE.format(name=f"by {one}", optimizer=one, experiments=count) for one, count in stages
    )
    (folder / "ratios.toml").write_text(text)
    options = package.RunOptions(folder=folder / "run", simulate=True, seed=1)
    outcome = package.start_run(folder / "ratios.toml", options)
    assert (outcome.state, outcome.reason) == ("finished", "")
    return folder / "run"


def test_ratios_and_times_run_as_they_are_named(tmp_path: Path) -> None:
    """Conditions in the journal are the variables, and what was set follows from them."""
    with RunRecord(run(tmp_path, ("lhs", 1))) as record:
        (measured,) = (event.data for event in record.journal.events(Measured))
        decided = measured.conditions
        assert list(decided) == ["temperature", "reaction_time", "x_cu", "x_zn", "x_cs"]
        rates = measured.flow_rates_ul_min
        reactive = sum(rates.values()) - rates["PFO"]
        assert rates["CuI"] / reactive == pytest.approx(decided["x_cu"])
        assert 36_000 / sum(rates.values()) == pytest.approx(decided["reaction_time"])
        page = render(content_of(record))
    for name in ("reaction_time", "x_cu", "ODE (follows)", "section reaction"):
        assert name in page


@pytest.mark.slow
def test_every_optimizer_keeps_limits_that_are_not_linear(tmp_path: Path) -> None:
    """Designs, sequences and models stay where flow rates keep their limits."""
    stages = [(one, 3) for one in ("random", "sobol", "grid", "partial-grid", "lhs", "bayes")]
    with RunRecord(run(tmp_path, *stages)) as record:
        space = record.profile.space
        assert space.curved
        for event in record.journal.events(Measured):
            space.require_feasible(event.data.conditions)
            for name, stream in record.profile.streams.items():
                low, high = stream.flow_rate_ul_min
                assert low <= event.data.flow_rates_ul_min[name] <= high
