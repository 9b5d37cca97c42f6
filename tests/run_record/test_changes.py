"""A run is resumed as it began, or with changes that a person has accepted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from watched_rig import WORLD, plugins_with, run_watched

from flowrig.errors import InputError
from flowrig.journal.events import ChangesAccepted
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.plugins.registry import Plugins
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.reader import RunRecord

Short = Callable[..., Path]


@pytest.fixture
def stopped(short: Short, tmp_path: Path) -> Path:
    """The folder of a run that was stopped before its first experiment."""
    requests = OperatorRequests()
    requests.ask(Request.STOP)
    outcome, _, _ = run_watched(short(1, 1, WORLD), tmp_path / "run", requests=requests)
    assert outcome.state == "stopped"
    return tmp_path / "run"


def edit(folder: Path, old: str, new: str) -> None:
    """Change the run's copy of its profile."""
    copy = folder / "profile.toml"
    text = copy.read_text(encoding="utf-8")
    assert old in text
    copy.write_text(text.replace(old, new), encoding="utf-8")


def test_a_changed_profile_is_named_and_needs_a_word(stopped: Path) -> None:
    """The refusal names every key with both values; accepted, they are an event, asked once."""
    edit(stopped, "dye_plqy = 0.1336", "dye_plqy = 0.2")
    with pytest.raises(InputError, match=r"objective\.dye_plqy: 0\.1336 is 0\.2 now") as refused:
        resume_run(stopped, ResumeOptions(plugins=plugins_with()))
    assert "--accept-changes" in str(refused.value)
    with RunRecord(stopped, plugins_with()) as record:
        assert record.profile.objective.dye_plqy == 0.1336

    outcome = resume_run(stopped, ResumeOptions(plugins=plugins_with(), accept_changes=True))
    assert outcome.state == "finished"
    with RunRecord(stopped, plugins_with()) as record:
        (accepted,) = record.journal.events(ChangesAccepted)
        assert record.profile.objective.dye_plqy == 0.2
    assert accepted.data.differences == ("profile.toml: objective.dye_plqy: 0.1336 is 0.2 now",)
    assert resume_run(stopped, ResumeOptions(plugins=plugins_with())).state == "finished"


@pytest.mark.slow
def test_another_version_of_a_plugin_needs_a_word(stopped: Path) -> None:
    """Only plugins that the profile names count; both versions are reported."""

    def newer(offer: str) -> Plugins:
        found = plugins_with()
        listed = [
            evolve(one, plugin=evolve(one.plugin, distribution="acme", version="9.9"))
            if one.offer.name == offer
            else one
            for one in found.listed
        ]
        return evolve(found, listed=tuple(listed))

    with pytest.raises(InputError, match=r"acme unknown is 9\.9 now"):
        resume_run(stopped, ResumeOptions(plugins=newer("chemyx-fusion")))
    assert resume_run(stopped, ResumeOptions(plugins=newer("botorch"))).state == "finished"


@pytest.mark.slow
def test_the_journal_alone_is_enough(stopped: Path) -> None:
    """A profile that got lost is written anew from the journal, and the run goes on."""
    text = (stopped / "profile.toml").read_text(encoding="utf-8")
    (stopped / "profile.toml").unlink()
    with RunRecord(stopped, plugins_with()) as record:
        assert record.campaign.experiments == 2
    assert resume_run(stopped, ResumeOptions(plugins=plugins_with())).state == "finished"
    assert (stopped / "profile.toml").read_text(encoding="utf-8") == text


def test_a_run_with_a_damaged_journal_is_resumed_and_the_cut_reported(
    stopped: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Terminal and journal report the cut; the run is finished."""
    from flowrig.cli.terminal.progress import Progress

    with Journal(stopped / FILE_NAME) as journal:
        last = journal.last()
        assert last is not None
        journal._connection.execute(
            "UPDATE event SET data = '{}' WHERE sequence = ?", (last.sequence,)
        )
    progress: Any = Progress(stopped)
    outcome = resume_run(stopped, ResumeOptions(plugins=plugins_with(), listeners=[progress]))
    assert outcome.state == "finished"
    assert "the journal was damaged" in capsys.readouterr().out
    assert (stopped / "journal-cut-1.sqlite").is_file()
