"""The process of the watchdog, at its beginning and at its end, and what its run hears of it."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
from patience import LONG_S
from some_events import begun
from test_watchdog_alone import DEAD_RIG

from flowrig.errors import FlowrigError
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile, merged_toml
from flowrig.run import lease
from flowrig.run.control_socket import lock_or_take_over
from flowrig.run.lease import ANSWER, GOODBYE, NOTE_NAME, READY, RENEW, Lease


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that has begun on a rig of which no instrument answers."""
    source = tmp_path / "dead.toml"
    source.write_text(DEAD_RIG, encoding="utf-8")
    plugins = Plugins.discover()
    started = begun(
        profile_digest=load_profile(source, plugins).digest,
        profile_toml=merged_toml(source, plugins),
        simulated=False,
    )
    folder = tmp_path / "run"
    folder.mkdir()
    with Journal.create(folder / FILE_NAME) as journal:
        journal.append(started, 0.0)
    return folder


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """The watchdog of a run that is this process."""
    return subprocess.Popen(
        [sys.executable, "-m", "flowrig.run.watchdog", str(folder), str(os.getpid()), "600"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.fixture
def process(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A watchdog."""
    started = start(folder)
    yield started
    started.kill()
    for pipe in (started.stdin, started.stdout, started.stderr):
        assert pipe is not None
        with suppress(OSError):
            pipe.close()
    started.wait(LONG_S)


def test_a_goodbye_ends_it_without_a_word(process: "subprocess.Popen[bytes]") -> None:
    """Its thread still waits for the run, whose pipe is open; that aborts no program."""
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == READY
    for word in (RENEW + b"1.0\n", GOODBYE):
        process.stdin.write(word)
        process.stdin.flush()
    assert process.wait(LONG_S) == 0
    assert process.stdout.read() == ANSWER
    assert process.stderr.read() == b""


def test_a_run_that_dies_while_it_starts_is_taken_over(
    process: "subprocess.Popen[bytes]", folder: Path
) -> None:
    """It finds both of its pipes closed, and goes to work all the same."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    process.stdout.close()
    until_s = time.monotonic() + 6 * LONG_S
    while not (folder / NOTE_NAME).exists() and time.monotonic() < until_s:
        time.sleep(0.05)
    assert "ended without a goodbye" in (folder / NOTE_NAME).read_text(encoding="utf-8")
    assert process.poll() is None  # it tries until a person takes over


@pytest.mark.slow
def test_a_person_takes_over_from_it(process: "subprocess.Popen[bytes]", folder: Path) -> None:
    """Between two tries it leaves the rig to who asks, and ends with 4: nothing is confirmed."""
    assert process.stdin is not None
    process.stdin.close()
    until_s = time.monotonic() + 20 * LONG_S
    while time.monotonic() < until_s:
        with suppress(OSError):
            if "goes on trying" in (folder / NOTE_NAME).read_text(encoding="utf-8"):
                break
        time.sleep(0.1)
    while True:
        with suppress(FlowrigError), ExitStack() as stack:
            lock_or_take_over(stack, folder)
            break
        time.sleep(0.1)
    assert process.wait(LONG_S) == 4


def test_a_run_notices_a_watchdog_that_does_not_answer(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within seconds; while answers come, it notices nothing."""
    monkeypatch.setattr(lease, "GRACE_S", 0.1)
    with Lease(folder, 600.0) as held:
        held.require_ready(0.0)
        assert held._answers.wait_all(LONG_S)
        held.renew(1.0)
        assert held._answers.wait_all(LONG_S)
        monkeypatch.setattr(held, "_send", lambda message: None)  # as if it were stopped
        monkeypatch.setattr(lease, "LATE_S", 0.2)
        held.renew(2.0)
        time.sleep(0.3)
        with pytest.raises(FlowrigError, match="has not answered for"):
            held.renew(3.0)
        monkeypatch.undo()
        held.say_goodbye()


def test_a_watchdog_that_has_died_is_replaced_where_it_is_needed(folder: Path) -> None:
    """A run that gives up its safe state leaves somebody behind who goes on trying."""
    with Lease(folder, 600.0) as held:
        held.require_ready(0.0)
        first = held._process
        assert first is not None
        first.kill()
        first.wait(LONG_S)
        with pytest.raises(FlowrigError, match="has ended"):
            held.renew(1.0)
        held.hand_over(is_flushed=True)
        second = held._process
        assert second is not None
        assert second.pid != first.pid
        assert held._answers.wait_ready(6 * LONG_S)
        assert second.poll() is None
        second.kill()
        second.wait(LONG_S)
