"""A command parses the profile of a run once, and examines every event of its journal once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field
from test_watchdog_alone import DEAD_RIG
from watched_rig import QUICK

from flowrig.clock import RealClock
from flowrig.journal import check
from flowrig.journal.events import Notice
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import merged_toml, source
from flowrig.run.rescue import Rescue
from flowrig.run.watchdog import End, LeftRun, make_safe
from flowrig.run_record.reader import RunRecord
from flowrig.safety.safe_state import SafeState

DEAD_DEVICES = DEAD_RIG.partition("[devices.plate]")[2]
"""Addresses at which nothing answers."""


@define
class Counts:
    """Texts of profiles that were scanned, and links of the chain that were examined."""

    scanned: list[str] = field(factory=list)
    examined: list[int] = field(factory=list)

    def clear(self) -> None:
        """Begin to count."""
        self.scanned.clear()
        self.examined.clear()


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counts:
    """Counts what this process reads."""
    counts = Counts()
    scan: Callable[[str], Any] = source.scan
    chained: Callable[..., str] = check.chained

    def counted_scan(text: str) -> Any:
        counts.scanned.append(text)
        return scan(text)

    def counted_chained(before: str, head: Any, text: str) -> str:
        counts.examined.append(head[0])
        return chained(before, head, text)

    monkeypatch.setattr(source, "scan", counted_scan)
    monkeypatch.setattr(check, "chained", counted_chained)
    return counts


@pytest.fixture
def run(flowrig: Any, tmp_path: Path) -> Path:
    """The folder of a finished run of one experiment on a rig whose instruments do not answer."""
    extending = tmp_path / "extending.toml"
    extending.write_text(
        QUICK.format(experiments=1) + f"[devices.plate]{DEAD_DEVICES}", encoding="utf-8"
    )
    profile = tmp_path / "whole.toml"
    profile.write_text(merged_toml(extending, Plugins.discover()), encoding="utf-8")
    flowrig("run", profile, "--simulate", "--out", tmp_path / "run")
    return tmp_path / "run"


def newest(folder: Path) -> int:
    """Number of the last event."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        event = journal.last()
        assert event is not None
        return event.sequence


def test_a_start_reads_once(flowrig: Any, counts: Counts, run: Path) -> None:
    """`flowrig run`, from the profile to the report: one scan, one examination of the result."""
    counts.clear()
    profile = run.parent / "whole.toml"
    flowrig("run", profile, "--simulate", "--out", run.parent / "other")
    examined = list(counts.examined)
    assert examined == list(range(1, newest(run.parent / "other") + 1))
    assert len(counts.scanned) == 1


def test_a_start_reads_every_file_of_a_chain_once(
    flowrig: Any, counts: Counts, short: Any, tmp_path: Path
) -> None:
    """A campaign that extends a profile that extends another is three files, each scanned once."""
    profile = short(1, 1)
    counts.clear()
    flowrig("run", profile, "--simulate", "--out", tmp_path / "run")
    assert len(counts.scanned) == len(set(counts.scanned)) == 3


def test_a_resume_reads_once(flowrig: Any, counts: Counts, run: Path) -> None:
    """`flowrig resume`: the events before, and for the report those that it writes, each once."""
    counts.clear()
    flowrig("resume", run)
    examined = list(counts.examined)
    assert examined == list(range(1, newest(run) + 1))
    assert len(counts.scanned) == 1


def test_making_a_run_safe_reads_once(flowrig: Any, counts: Counts, run: Path) -> None:
    """`flowrig safe`: the events before, each once."""
    before = newest(run)
    counts.clear()
    flowrig("safe", run)
    assert counts.examined == list(range(1, before + 1))
    assert len(counts.scanned) == 1


def test_a_watchdog_reads_once(counts: Counts, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At its start all events; when the run has died, those that were written since."""
    before = newest(run)
    counts.clear()
    with RunRecord(run) as record:
        left = LeftRun.of(record)
    with Journal(run / FILE_NAME, since=left.loaded.examined) as journal:
        journal.append(Notice(text="the run goes on"), 0.0)
    monkeypatch.setattr(Rescue, "run", lambda *_: SafeState(()))
    safe = make_safe(run, left, End("the run ended without a goodbye", RealClock()))
    assert safe is not None
    assert len(counts.scanned) == 1
    assert set(counts.examined) == set(range(1, before + 2))
    assert counts.examined.count(1) == 1


def test_an_event_that_changed_since_is_found(run: Path) -> None:
    """A reader that knows the beginning trusts it only with the same link of the chain."""
    with RunRecord(run) as record:
        loaded = record.loaded
    with Journal(run / FILE_NAME) as journal:
        last = loaded.examined.sequence
        journal._connection.execute("UPDATE event SET chain = '' WHERE sequence = ?", (last,))
    with RunRecord(run, loaded=loaded) as record:
        assert record.journal.damage is not None
        assert record.journal.damage.good == last - 1
