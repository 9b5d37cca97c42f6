"""A campaign with quality checks: told in the journal, never best, not learned from if bad."""

import contextlib
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.campaign.results import results_for_optimizers
from flowrig.interfaces import CheckedSample, Doubt, QualityCheck, QualitySettings
from flowrig.journal.events import Checked, Measured, Resumed, SymptomFound
from flowrig.journal.journal import AnyEvent
from flowrig.plugins import Offer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile
from flowrig.report import content_of, render
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run

CHECKS = """
[quality.odd]
use = "of-a-number"
number = 2
quality = "bad"

[quality.even]
use = "of-a-number"
number = 3
quality = "doubtful"

[quality.broken]
use = "of-a-number"
number = 0
"""


@frozen(kw_only=True)
class NumberSettings(QualitySettings):
    number: int = 1
    quality: str = "doubtful"
    features: tuple[str, ...] = ()

    def objection(self) -> str:
        return "" if self.number >= 0 else f"`number` is {self.number}; expected 0 or more"


class OfANumber(QualityCheck):
    """Doubts one experiment; with the number 0 it fails."""

    def doubts(self, sample: CheckedSample, earlier: Sequence[CheckedSample]) -> list[Doubt]:
        assert [one.number for one in earlier] == list(range(1, sample.number))
        assert {"absorbance", "photoluminescence"} <= set(sample.spectra)
        assert not sample.spectra["absorbance"].values.flags.writeable
        its = self.settings
        if not its.number:
            raise ZeroDivisionError("number")
        if sample.number != its.number:
            return []
        return [Doubt(text=f"it is number {its.number}", quality=its.quality, test="name", p=0.25)]


class Ours:
    """A plugin with this check."""

    @hookimpl
    def flowrig_quality(self) -> Sequence[Offer]:
        return [
            Offer(
                kind="quality",
                name="of-a-number",
                target=f"{__name__}:OfANumber",
                settings=NumberSettings,
            )
        ]


def plugins() -> Plugins:
    return plugins_with(ours=Ours())


def write(folder: Path, checks: str = CHECKS) -> Path:
    path = folder / "checked.toml"
    path.write_text(QUICK.format(experiments=4) + checks + WORLD, encoding="utf-8")
    return path


class Killed(BaseException):
    """The end of the process."""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """Killed between a measurement and its check, and resumed."""
    folder = tmp_path_factory.mktemp("checked")
    options: Any = ResumeOptions(plugins=plugins())
    count = 0

    def kill(event: AnyEvent) -> None:
        nonlocal count
        count += isinstance(event.data, Measured)
        if count == 2:
            count += 1
            raise Killed

    run_or_killed(folder, kill)
    return resume_run(folder / "run", options)


def run_or_killed(folder: Path, listener: Any) -> None:
    with contextlib.suppress(Killed):
        run_watched(write(folder), folder / "run", plugins(), listeners=[listener])


def test_every_experiment_is_checked_once(done: RunOutcome) -> None:
    assert done.state == "finished", done.reason
    with done.record() as record:
        checked = [event.data for event in record.journal.events(Checked)]
        assert [one.index for one in checked] == [1, 2, 3, 4]
        kinds = [type(e.data) for e in record.journal.events(Measured, Checked, Resumed)]
        assert kinds[:5] == [Measured, Checked, Measured, Resumed, Checked]
        assert all(one.failed == ("broken",) for one in checked)
        (flag,) = checked[1].flags
        assert (flag.check, flag.quality, flag.test, flag.p) == ("odd", "bad", "name", 0.25)
        symptoms = [e.data.text for e in record.journal.events(SymptomFound)]
        assert any("'broken' failed at experiment" in one for one in symptoms)


def test_what_was_measured_stays_and_the_doubt_counts(done: RunOutcome) -> None:
    with done.record() as record:
        first, second, third, _ = record.experiments()
        measured = [event.data for event in record.journal.events(Measured)]
        assert (second.quality, third.quality) == ("bad", "doubtful")
        assert first.quality == measured[0].quality
        assert "odd: it is number 2" in second.flags
        assert second.features["pla"] == measured[1].features["pla"]
        assert all("number" not in flag for one in measured for flag in one.flags)
        best = record.best()
        assert best is None or best.index not in (2, 3)
        rows = results_for_optimizers(record)
        name = record.profile.objective.name
        assert math.isnan(rows[1][name])
        assert not math.isnan(rows[2][name])


def test_report_and_summary_tell_it(done: RunOutcome) -> None:
    with done.record() as record:
        told = [(one["experiment"], one["check"]) for one in record.summary()["quality"]]
        assert told == [(2, "odd"), (3, "even")]
        page = render(content_of(record))
    assert "odd: it is number 2" in page


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ('use = "of-a-numbr"', "'of-a-number'"),
        ('use = "of-a-number"\nnumber = -1', "0 or more"),
        ('use = "of-a-number"\nfeatures = ["plaa"]', "unknown feature 'plaa'"),
        ('use = "spectral-outlier"\nchannels = ["raman"]', "unknown channel 'raman'"),
        ('use = "drift"\nleast = 2', "4 to 10000"),
        ('use = "drift"\nleest = 8', "'leest'"),
        ("number = 1", "'use'"),
    ],
)
def test_wrong_tables_are_told(tmp_path: Path, table: str, told: str) -> None:
    """Each with its key and what would fit."""
    (problem,) = check_profile(write(tmp_path, f"\n[quality.mine]\n{table}\n"), plugins())
    assert told in f"{problem.message} {problem.expected} {problem.nearest!r}"
