"""What the watchdog hears, and what it does where it can do little."""

import sqlite3
from pathlib import Path
from queue import SimpleQueue

import pytest

from flowrig.clock import RealClock
from flowrig.errors import FlowrigError
from flowrig.journal.events import Ended, SafeStateSought
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.run import lease, watchdog
from flowrig.run.lease import GOODBYE, RENEW, Lease
from flowrig.run.watchdog import NOTE_NAME, End, make_safe, watch
from flowrig.run_record.lock import LOCK_NAME
from flowrig.run_record.reader import LoadedRun
from flowrig.safety.syringes import SyringeLedger

NOBODY = "127.0.0.1:9"
"""Where nothing answers."""

DEAD_RIG = f"""\
extends = "cs3cu2i5-heatup-chem3"
title = "A rig without power"

[devices.plate]
address = "{NOBODY}"

[devices.hdx_absorbance]
address = "{NOBODY}"

[devices.hdx_pl]
address = "{NOBODY}"
""" + "".join(
    f'\n[devices.pump_{name}]\naddress = "socket://{NOBODY}"\n'
    for name in ("cui", "zni2", "csoa", "ode", "pfo")
)


@pytest.fixture
def dead(tmp_path: Path) -> Profile:
    """A rig of which no instrument answers."""
    (tmp_path / "dead.toml").write_text(DEAD_RIG, encoding="utf-8")
    return load_profile(tmp_path / "dead.toml", Plugins.discover())


def loaded(profile: Profile) -> LoadedRun:
    """A run whose journal was not examined yet."""
    return LoadedRun(Plugins.discover(), profile)


def heard(*words: bytes) -> End | None:
    """What comes of some words."""
    queue: SimpleQueue[bytes] = SimpleQueue()
    for word in words:
        queue.put(word)
    return watch(queue, engine=0, lease_s=60.0, clock=RealClock())


def test_a_goodbye_ends_the_watch() -> None:
    """However many renewals came before."""
    assert heard(RENEW + b"1.0\n", RENEW + b"2.0\n", GOODBYE) is None


@pytest.mark.parametrize("last", [b"", b"goodb", RENEW + b"1234.5"])
def test_a_pipe_that_closes_is_no_goodbye(last: bytes) -> None:
    """Not even in the middle of one; the clock goes on where the run's was."""
    end = heard(RENEW + b"77.5\n", last)
    assert end is not None
    assert "without a goodbye" in end.why
    assert 77.5 <= end.clock.now_s() < 77.5 + 60.0


def test_a_rig_that_does_not_answer_is_reported_as_unknown(dead: Profile, tmp_path: Path) -> None:
    """Every step that was not confirmed stands in journal and file; the run's state is unknown."""
    Journal.create(tmp_path / FILE_NAME).close()
    end = End("the run ended without a goodbye", RealClock(100.0))
    safe = make_safe(tmp_path, loaded(dead), SyringeLedger(dead), end)
    assert safe is not None
    assert not safe.reached
    with Journal(tmp_path / FILE_NAME, read_only=True) as journal:
        ended, sought = journal.last(Ended), journal.last(SafeStateSought)
    assert ended is not None
    assert sought is not None
    assert (ended.data.state, sought.data.by) == ("unknown", "watchdog")
    assert ended.time_s >= 100.0
    note = (tmp_path / NOTE_NAME).read_text(encoding="utf-8")
    assert "NOT known" in note
    assert "plate off" in note


def test_a_journal_that_is_gone_keeps_no_rig_from_its_safe_state(
    dead: Profile, tmp_path: Path
) -> None:
    """The file reports the result nevertheless."""
    end = End("the run ended without a goodbye", RealClock())
    assert make_safe(tmp_path, loaded(dead), SyringeLedger(dead), end) is not None
    assert "NOT known" in (tmp_path / NOTE_NAME).read_text(encoding="utf-8")


def test_a_run_that_goes_on_elsewhere_is_left_alone(
    dead: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who resumes it has brought the rig to its safe state first."""
    monkeypatch.setattr(watchdog, "LOCK_S", 0.0)
    other = sqlite3.connect(tmp_path / LOCK_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    end = End("the run ended without a goodbye", RealClock())
    assert make_safe(tmp_path, loaded(dead), SyringeLedger(dead), end) is None
    other.close()
    assert "leaves the rig alone" in (tmp_path / NOTE_NAME).read_text(encoding="utf-8")


def test_a_run_without_a_watchdog_does_not_begin(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A folder that cannot be read, or is missing, is reported before anything moves."""
    with Lease(tmp_path / "nowhere", 60.0) as held:
        with pytest.raises(FlowrigError, match="nothing was moved"):
            held.require_ready(0.0)
        assert held._process is not None
        held._process.wait(lease.END_S)
        with pytest.raises(FlowrigError, match="must not go on"):
            held.renew(1.0)
        held.say_goodbye()
    assert "is not there" in capfd.readouterr().err
