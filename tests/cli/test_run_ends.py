"""How a run ends on the terminal: exit codes, what to type next, and units of the objective."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from some_events import begun, resumed

from flowrig.cli.runs import run as command
from flowrig.cli.terminal.experiment_table import objective_text
from flowrig.journal.events import Ended, HoldBegun, Objective, WentOn
from flowrig.journal.format import FILE_NAME
from flowrig.journal.journal import Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import merged_toml
from flowrig.run.session import RunOutcome

HOLD = HoldBegun(
    why="need", text="CuI is empty", refill=("CuI",), empty=("waste",), gate="", longest_s=600.0,
    until_s=600.0, flows=(),
)  # fmt: skip


@pytest.mark.parametrize(
    ("events", "hint"),
    [
        ([HOLD], " --refilled CuI --emptied waste"),
        ([HOLD, WentOn(by="terminal", refilled=("CuI",), emptied=("waste",))], ""),
        ([HOLD, resumed(refilled=("CuI",), emptied=("waste",))], ""),
        ([HOLD, resumed(refilled=("CuI",)), HOLD], " --refilled CuI --emptied waste"),
        ([], ""),
    ],
    ids=["on hold", "went on", "resumed", "on hold again", "no hold"],
)
def test_a_refill_that_was_done_is_not_asked_for_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], events: list[Any], hint: str
) -> None:
    """Typed once more, it would make the account of liquid too high."""
    text = merged_toml("cs3cu2i5-heatup-chem3", Plugins.discover())
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal.append(begun(profile_toml=text), 0.0)
        for event in events:
            journal.append(event, 1.0)
        journal.append(Ended(state="stopped", reason=""), 2.0)
    command._finish(RunOutcome(tmp_path, "stopped", ""))
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == f"go on with: flowrig resume {tmp_path}{hint}"


@pytest.mark.skipif(os.name != "posix", reason="a signal to oneself ends the process elsewhere")
@pytest.mark.parametrize("presses", [1, 2])
def test_ctrl_c_at_the_very_end_does_not_change_the_exit_code(
    flowrig: Any,
    short: Callable[..., Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    presses: int,
) -> None:
    """The run is finished; a second Ctrl-C leaves without its report, and with 0 as well."""
    show = command._show_ending

    def pressed(outcome: RunOutcome) -> list[str]:
        for _ in range(presses):
            signal.raise_signal(signal.SIGINT)
        return show(outcome)

    monkeypatch.setattr(command, "_show_ending", pressed)
    before = signal.getsignal(signal.SIGINT)
    done = flowrig("run", short(1, 1), "--simulate", "--out", tmp_path / "run", code=0)
    assert ("report: " in done.stdout) == (presses == 1)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_before_a_run_begins_ends_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Nothing was opened, so that there is nothing to finish."""
    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)

    def interrupted(folder: Path, **_how: object) -> Any:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(command, "_watched", interrupted)

    def work(watching: object) -> RunOutcome:
        return RunOutcome(tmp_path, "finished", "")

    with pytest.raises(KeyboardInterrupt):
        command._run_to_the_end(tmp_path, work, watched=False, notify=None)
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize(
    ("name", "unit", "value", "shown"),
    [
        ("PLQY proxy", "", 0.238, "23.8%"),
        ("goals met", "", 0.5, "50.0%"),
        ("pla", "", 198493.2, "1.985e+05"),
        ("pla", "counts·nm", 198493.2, "1.985e+05 counts·nm"),
        ("pli", "", 12.0, "12"),
        ("a300", "", 0.91, "0.91"),
        ("a1000", "", 0.91, "0.91"),
        ("peak_nm", "", 446.0, "446"),
        ("peak_ev", "eV", 2.78, "2.78 eV"),
        ("fwhm_nm", "", 80.0, "80"),
    ],
)
def test_a_feature_is_not_shown_in_percent(name: str, unit: str, value: float, shown: str) -> None:
    """Counts and absorbances are no fractions; an objective without a unit is one."""
    assert objective_text(value, Objective(name=name, unit=unit)) == shown


def test_the_largest_counts_are_shown_as_counts(
    flowrig: Any, short: Callable[..., Path], tmp_path: Path
) -> None:
    """In the table, and where the best is told."""
    profile = short(2, 1)
    text = profile.read_text(encoding="utf-8")
    profile.write_text(
        f'{text}\n[objective]\nname = "maximum"\nresponse = "pla"\n', encoding="utf-8"
    )
    done = flowrig("run", profile, "--simulate", "--out", tmp_path / "run")
    assert "%" not in done.stdout
