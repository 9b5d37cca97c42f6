"""`flowrig safe` with plugins that break: the heat is off, or the exit code says that it is not."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bad_plugins import BAD_PLUGINS, install_plugin, plugin_folder
from left_rig import leave, served

from flowrig.rig.simulated import EmulatedRig
from flowrig.run_record.rig_of import rig_of
from flowrig.safety import safe_state


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[EmulatedRig]:
    """Emulated instruments in real time."""
    with served(tmp_path) as rig:
        yield rig


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer is tried once more, at once."""
    monkeypatch.setattr(safe_state, "PAUSES_S", (0.0,))


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Python's path to install plugins in."""
    return plugin_folder(tmp_path, monkeypatch)


def test_plugins_that_the_rig_does_not_need_are_not_touched(
    flowrig: Any, rig: EmulatedRig, path: Path, tmp_path: Path
) -> None:
    """Whatever is wrong with them, the rig comes to rest, and nothing of them is imported."""
    left = leave(tmp_path, rig)
    before = set(sys.modules)
    bad = [name for name in BAD_PLUGINS if name not in ("unmarked", "no_hook")]
    for name in bad:
        install_plugin(path, name, BAD_PLUGINS[name])
    install_plugin(path, "rival", BAD_PLUGINS["taken_driver"], "watlow = odd_rival")
    (path / "odd_broken-1.0.dist-info").mkdir()
    (path / "odd_broken-1.0.dist-info" / "entry_points.txt").write_bytes(b"\xff[flowrig\n")
    done = flowrig("safe", left.folder)
    assert "the rig is in its safe state" in done.stdout
    assert left.set_point_c <= 20.0
    assert not [name for name in {*sys.modules} - before if name.startswith("odd_")]


@pytest.mark.parametrize("name", ["sys_exit", "os_exit", "loop", "taken_driver"])
def test_a_journal_without_the_drivers_plugins_is_made_safe(
    flowrig: Any, rig: EmulatedRig, path: Path, tmp_path: Path, name: str
) -> None:
    """In a journal of 0.1.0 the plugins are not named; flowrig's own are tried first."""
    left = leave(tmp_path, rig, drivers={})
    install_plugin(path, name, BAD_PLUGINS[name], f"aaa = odd_{name}")
    flowrig("safe", left.folder)
    assert left.set_point_c <= 20.0


@pytest.mark.parametrize(
    ("broken", "code"),
    [("flowrig_ocean.driver", 0), ("flowrig_ocean", 0), ("flowrig_chemyx", 4)],
)
def test_an_instrument_whose_driver_breaks_keeps_no_other_hot(  # noqa: PLR0917 - fixtures
    flowrig: Any,
    rig: EmulatedRig,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    broken: str,
    code: int,
) -> None:
    """The plate is off; the exit code is 4 if the instrument has a part in the safe state."""
    left = leave(tmp_path, rig)
    monkeypatch.setitem(sys.modules, broken, None)
    done = flowrig("safe", left.folder, code=code)
    assert left.set_point_c <= 20.0
    device = "hdx_pl" if "ocean" in broken else "pump_cui"
    assert f"{device} cannot be reached: its driver cannot be loaded" in done.stderr
    ended, sought = left.last()
    assert ended is not None
    assert sought is not None
    assert sought.reached == (code == 0)
    assert (ended.state == "unknown") == (code == 4)
    assert ("the rig is in its safe state" in done.stdout) == (code == 0)


def test_a_driver_that_ends_the_program_gives_no_success(
    flowrig: Any, rig: EmulatedRig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SystemExit(0) in a constructor is exit code 4."""
    left = leave(tmp_path, rig)

    def leave_at_once(*_: object) -> None:
        raise SystemExit(0)

    monkeypatch.setattr("flowrig_watlow.driver.WatlowF4T.__init__", leave_at_once)
    done = flowrig("safe", left.folder, code=4)
    assert "not confirmed" in done.stderr


def test_the_rig_of_a_run_needs_no_model(tmp_path: Path, finished: Any) -> None:
    """Of a simulated run, what the rig is made of is loaded, neither optimizer nor surrogate."""
    loaded = rig_of(finished.folder)
    kinds = {listed.offer.kind for listed in loaded.plugins.listed}
    assert kinds == {"pump", "heater", "spectrometer", "world", "chemistry"}
    assert loaded.profile.campaign is None
    assert loaded.profile.devices.keys() >= {"plate", "pump_cui", "hdx_pl"}
