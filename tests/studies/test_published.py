"""Studies on the emulated rigs against what papers report of the real ones."""

import math
import re
from pathlib import Path
from typing import Any

import pytest

from flowrig.interfaces import Finding
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run_record.studies import findings_of

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SYSTEMS = Path(__file__).parents[1] / "profile" / "systems"
AT = (
    'at = { temperature = "160 degC", CuI = "110 uL/min", ZnI2 = "110 uL/min", '
    'CsOA = "40 uL/min", ODE = "250 uL/min" }\nfeatures = ["a300", "pli", "pla"]\n'
)


def found(folder: Path, text: str) -> dict[str, dict[str, Finding]]:
    """By stage and name, what the studies of a campaign find on the emulated rig."""
    file = folder / "studies.toml"
    file.write_text(text, encoding="utf-8")
    outcome = start_run(file, RunOptions(folder=folder / "run", simulate=True, seed=1))
    assert outcome.state == "finished", outcome.reason
    with outcome.record() as record:
        return {
            study.stage: {one.name: one for one in study.findings.findings}
            for study in findings_of(record)
        }


def test_the_reference_rig_scatters_as_published(tmp_path: Path) -> None:
    """Sadeghi et al., Digital Discovery 2025, 4, 1722: 3.1, 5.2 and 4.2 % in 30 min, 3.7, 4.2 and
    3.4 % for a reference among others; within three standard errors of both numbers."""
    stages = "".join(
        f'[[campaign.stages]]\nstudy = "{study}"\n{AT}' for study in ("robustness", "perturbation")
    )
    studies = found(tmp_path, f'extends = "cs3cu2i5-heatup-chem3"\n{stages}')
    for study, published, points in (
        ("robustness", {"a300": 0.031, "pli": 0.052, "pla": 0.042}, 23),
        ("perturbation", {"a300": 0.037, "pli": 0.042, "pla": 0.034}, 5),
    ):
        for name, rsd in published.items():
            value = studies[study][name].value
            error = math.hypot(rsd, value) / math.sqrt(2 * (points - 1))
            assert abs(value - rsd) <= 3.0 * error, (study, name, value)


def test_mixing_and_reaction_time_have_plateaus(tmp_path: Path) -> None:
    """The same paper: flat above 576 µL/min, and above 40 s."""
    text = (SYSTEMS / "s03.toml").read_text(encoding="utf-8")
    base = (SYSTEMS / "s01.toml").as_posix()
    text = re.sub(r'extends = "s01.toml"', f'extends = "{base}"', text)
    studies = found(tmp_path, text.replace('plateau = "bright"', 'plateau = "pla"'))
    assert 144.0 < studies["mixing"]["plateau of pla"].value <= 576.0
    assert 10.0 < studies["reaction time"]["plateau of pla"].value <= 40.0


def test_hot_injection_is_steady_after_1_2_residence_times(tmp_path: Path) -> None:
    """Sadeghi et al., Nanoscale 2024, 16, 580: at 25, 31 and 42 s, one after the other."""
    stage = '[[campaign.stages]]\nstudy = "dynamic-residence-time"\n'
    stage += 'sweep = { reaction_time = ["25 s", "31 s", "42 s"] }\n'
    studies = found(tmp_path, f'extends = "cs3cu2i5-hot-injection"\n{stage}')
    steady: Any = [
        one.value
        for name, one in studies["dynamic-residence-time"].items()
        if "reaction_time" in name
    ]
    assert len(steady) == 3
    assert max(steady) <= 1.2
