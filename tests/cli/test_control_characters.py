"""No control character from outside reaches the terminal, a table or a page as it is."""

import csv
import io
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from some_events import begun, decided, device, measured

from flowrig.cli.terminal.printing import json_text, say
from flowrig.cli.terminal.progress import Progress
from flowrig.journal.events import (
    Ended,
    HoldBegun,
    Notice,
    Objective,
    Opened,
    StageBegun,
    StepBegun,
    SymptomFound,
)
from flowrig.journal.format import FILE_NAME
from flowrig.journal.journal import Event, Journal
from flowrig.journal.visible import visible, visible_line
from flowrig.plugins.registry import Plugins
from flowrig.profile import merged_toml
from flowrig.report.svg.markup import tag

EVIL = (
    "\x1b[2J\x1b]8;;http://evil.example\x07click\x1b]8;;\x07 \x9b31m\u202egnp\u2066x\u200b\ufeff"
    "\r\x08\x7f\0 [red]markup[/red] \U000e0041 \u2028end"
)
"""ANSI and OSC sequences, C1, bidi overrides, no width, carriage return, markup, tags."""

SHOWN = "[red]markup[/red]"


def unsafe(text: str) -> list[str]:
    """Characters that a terminal obeys, or that hide or turn others."""
    kinds = {"Cc", "Cf", "Cs", "Zl", "Zp"}
    kept = "\n\t\u200c\u200d"
    return [one for one in text if unicodedata.category(one) in kinds and one not in kept]


@given(st.text() | st.text(alphabet=EVIL))
def test_a_visible_text_has_no_control_character(text: str) -> None:
    """It is the same where there is none, and nothing of it is lost."""
    shown = visible(text)
    assert not unsafe(shown) or set(unsafe(shown)) <= set(unsafe(text)) - set(EVIL)
    assert "\n" not in visible_line(text)
    if not unsafe(text):
        assert shown == text
    assert len(shown) >= len(text)


@given(
    st.recursive(st.text() | st.floats() | st.none(), lambda one: st.dictionaries(st.text(), one))
)
def test_json_is_valid_and_plain(value: Any) -> None:
    """Every control character is an escape of JSON, and the value comes back."""
    text = json_text(value)
    json.loads(text, parse_constant=pytest.fail)
    assert visible(text) == text
    text.encode()


def toml(text: str) -> str:
    """A text as TOML writes it."""
    return '"' + "".join(
        f"\\U{ord(one):08x}" if not 32 <= ord(one) < 127 or one in '"\\' else one for one in text
    ) + '"'  # fmt: skip


@pytest.fixture
def evil_profile(tmp_path: Path) -> Path:
    """A profile whose texts are all as bad as they can be."""
    file = tmp_path / "odd.toml"
    file.write_text(
        f'extends = "cs3cu2i5-heatup-chem3"\ntitle = {toml(EVIL)}\nsource = {toml(EVIL)}\n'
        f"[streams.CuI]\ncontents = {toml(EVIL)}\n[campaign]\ntitle = {toml(EVIL)}\n"
        '[[campaign.stages]]\nname = "explore"\noptimizer = "lhs"\nexperiments = 2\n'
        f'[[gates]]\nname = {toml(EVIL)}\nbefore = "stage"\nstage = "explore"\n'
        f"asks = {toml(EVIL)}\n",
        encoding="utf-8",
    )
    return file


def evil_run(folder: Path, profile: Path) -> None:
    """A run whose devices, notices and flags are as bad as they can be."""
    plugins = Plugins.discover()
    text = merged_toml(profile, plugins)
    conditions = {"temperature": 150.0, "CuI": 100.0, "ZnI2": 100.0, "CsOA": 50.0, "ODE": 250.0}
    units = {"temperature": "°C"} | dict.fromkeys(list(conditions)[1:], "µL/min")
    features = {"a300": 1.0, "pla": 2.0}
    with Journal.create(folder / FILE_NAME) as journal:
        journal.append(
            begun(profile=EVIL, campaign=EVIL, profile_toml=text, units=units, simulated=True), 0.0
        )
        journal.append(Opened(devices={EVIL: device(vendor=EVIL, serial_number=EVIL)}), 0.0)
        journal.append(StageBegun(stage="=cmd()" + EVIL, experiments=1), 0.0)
        journal.append(Notice(text=EVIL), 0.0)
        journal.append(SymptomFound(symptom=EVIL, text=EVIL), 0.0)
        journal.append(decided(conditions=conditions, stage="=cmd()" + EVIL, reason=EVIL), 1.0)
        journal.append(
            measured(conditions=conditions, features=features, flags=(EVIL,), quality="doubtful"),
            2.0,
        )
        journal.append(Ended(state="stopped", reason=EVIL), 3.0)


COMMANDS = (
    ["status"], ["status", "--json"], ["report", "--json"], ["report", "--csv"], ["report"],
    ["replay", "--speed", "1e9"], ["export", "--format", "csv"],
    ["export", "--format", "provenance"],
)  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_run_is_shown_without_control_characters(
    flowrig: Any, tmp_path: Path, evil_profile: Path, words: list[str]
) -> None:
    """Whatever a journal and a profile hold; the text itself is there."""
    folder = tmp_path / "run"
    folder.mkdir()
    evil_run(folder, evil_profile)
    done = flowrig(words[0], folder, *words[1:])
    assert not unsafe(done.output)
    if "--json" in words:
        json.loads(done.stdout)
    if words == ["replay", "--speed", "1e9"]:
        assert SHOWN in done.output
    if "--csv" in words:
        (row,) = csv.DictReader(io.StringIO(done.stdout))
        assert row["stage"].startswith("'=cmd()")
        assert SHOWN in row["flags"]
    for file in folder.iterdir():
        if file.suffix in {".html", ".csv"}:
            assert not unsafe(file.read_text(encoding="utf-8")), file


@pytest.mark.parametrize("words", [["check"], ["check", "--json"], ["plan"]], ids=" ".join)
def test_a_profile_is_shown_without_control_characters(
    flowrig: Any, evil_profile: Path, words: list[str]
) -> None:
    """Title, gates and questions."""
    done = flowrig(words[0], evil_profile, *words[1:])
    assert not unsafe(done.output)


@pytest.mark.parametrize(
    "words",
    [
        ["check", EVIL], ["report", EVIL.replace("\0", "")], [EVIL.replace("\0", "")],
        ["discover", "--driver", EVIL], ["emulate", EVIL], ["plugin", "check", EVIL],
        ["torture", "--replay", EVIL], ["torture", "--faults", EVIL], ["run", f"--{EVIL}", "x"],
        ["twin", "cv", "x.csv", "--response", EVIL],
    ],
    ids=lambda words: re.sub(r"[^a-z ]", "", " ".join(words))[:24],
)  # fmt: skip
def test_a_command_line_is_quoted_without_control_characters(
    flowrig: Any, words: list[str]
) -> None:
    """An error that repeats what was typed shows escapes."""
    done = flowrig(*words, code=2)
    assert not unsafe(done.output)
    assert done.output


def test_a_problem_of_a_profile_shows_escapes(flowrig: Any, tmp_path: Path) -> None:
    """Wrong keys and values are quoted in messages."""
    file = tmp_path / "wrong.toml"
    file.write_text(
        f'extends = "cs3cu2i5-heatup-chem3"\n{toml(EVIL)} = 1\n[analysis]\nframes = {toml(EVIL)}\n',
        encoding="utf-8",
    )
    for words in (["check", file], ["check", file, "--json"], ["run", file, "--simulate"]):
        done = flowrig(*words, code=2)
        assert not unsafe(done.output)
        assert "\\x1b" in done.output or "\\u001b" in done.output


def shown(progress: Progress, width: int) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(progress._panel())
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def followed(folder: Path, text: str) -> Progress:
    """The view of a run in which everything has the same name."""
    progress = Progress(folder)
    merit = Objective(name=text, unit="")
    for number, data in enumerate(
        (
            begun(profile=text, campaign=text, units={text: text}, objective=merit),
            StageBegun(stage=text, experiments=3),
            decided(conditions={text: 1.0}),
            StepBegun(what=text, duration_s=100.0),
            HoldBegun(why="need", text=text, refill=(text,), empty=(), gate="", longest_s=1.0,
                      until_s=2.0, flows=(text,)),
        )
    ):  # fmt: skip
        progress(Event(number + 1, 0.0, "", data))
    return progress


def test_the_live_view_shows_escapes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the panel, and in the lines above it; brackets are no markup."""
    progress = followed(tmp_path, EVIL)
    text = shown(progress, 2000)
    assert not unsafe(text)
    assert text.count(SHOWN) >= 4
    printed = capsys.readouterr().out
    assert not unsafe(printed)
    assert SHOWN in printed


@pytest.mark.parametrize("width", range(30, 130, 7))
def test_the_live_view_breaks_lines_between_words(tmp_path: Path, width: int) -> None:
    """No word that fits into the panel is cut in two."""
    words = "waiting until plates reach their temperatures again"
    progress = followed(tmp_path, "")
    progress(Event(9, 0.0, "", StepBegun(what=words, duration_s=3000.0)))
    progress(Event(10, 0.0, "", StageBegun(stage="exploration", experiments=3)))
    text = shown(progress, width)
    for word in (*words.split(), "stage", "exploration", "step", "heaters", "flows", "none"):
        assert re.search(rf"(?<!\w){word}(?!\w)", text), (word, text)


def test_a_line_above_the_panel_breaks_between_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal; a pipe gets the line in one piece."""
    words = " ".join(f"word{number:03d}" for number in range(40))
    for is_terminal in (True, False):
        progress = Progress(tmp_path)
        progress._console = Console(file=io.StringIO(), width=50, force_terminal=is_terminal)
        progress.say(words)
        lines = progress._console.file.getvalue().splitlines()  # type: ignore[attr-defined]
        assert [word for line in lines for word in line.split()] == words.split()
        assert (len(lines) > 1) == is_terminal


def test_what_is_said_has_colours_of_its_own_only(capsys: pytest.CaptureFixture[str]) -> None:
    """The style of a line is flowrig's, whatever the text is."""
    say("\x1b[31mred", fg="green")
    assert "\x1b[31m" not in capsys.readouterr().out


def test_markup_is_escaped() -> None:
    """A page shows control characters, and text is no element."""
    text = tag("p", "<b>\u202e\x1b", title="\x9b'")
    assert not unsafe(text)
    assert "<b>" not in text
