"""Symptoms of a campaign reach its operator."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from watched_rig import plugins_with, run_watched

from flowrig.cli.terminal.progress import Progress
from flowrig.interfaces import Optimizer, OptimizerSettings
from flowrig.journal.events import SymptomFound
from flowrig.plugins import Offer, hookimpl
from flowrig.report import content_of, render
from flowrig.run_record.reader import RunRecord

MIDDLE = {"temperature": 150.0, "CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0}
SETTLED = """\
[[campaign.stages]]
name = "settled"
optimizer = "stubborn"
experiments = 7

[simulation]
world = "watched"
chemistry = "chem3"
"""


class Stubborn(Optimizer):
    """Wants the same conditions each time."""

    def _do_suggest(self, num_points: int) -> Sequence[Mapping[str, float]]:
        return [MIDDLE]

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        pass


class StubbornPlugin:
    """The plugin that offers it."""

    @hookimpl
    def flowrig_optimizers(self) -> Sequence[Offer]:
        target = f"{__name__}:Stubborn"
        return [Offer(kind="optimizer", name="stubborn", target=target, settings=OptimizerSettings)]


@pytest.mark.slow
def test_an_optimizer_that_has_settled_is_told_once(
    short: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Terminal, journal and report say that the same conditions came again and again."""
    folder, profile = tmp_path / "run", short()
    head, _, _ = profile.read_text(encoding="utf-8").partition("[[campaign.stages]]")
    profile.write_text(head + SETTLED, encoding="utf-8")
    plugins = plugins_with(stubborn=StubbornPlugin())
    outcome, _, _ = run_watched(profile, folder, plugins, listeners=[Progress(folder)])

    assert (outcome.state, outcome.reason) == ("finished", "")
    assert capsys.readouterr().out.count("diagnostics: the same conditions") == 1
    with RunRecord(folder, plugins) as record:
        told = [event.data.text for event in record.journal.events(SymptomFound)]
        for count, text in zip((5, 7), told, strict=True):
            assert f"chosen {count} times" in text
        assert record.summary()["health"]["same-again"] == told[-1]
        page = render(content_of(record))
    assert told[-1][1:] in page
    assert told[0][1:] not in page
