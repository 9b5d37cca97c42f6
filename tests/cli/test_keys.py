"""Single keys in the terminal of a run: each request is spelt out, and confirmed before it acts."""

import os
import sys

import pytest

from flowrig.cli.runs.run_keys import KEYS, Dialog
from flowrig.errors import PauseRequested
from flowrig.operator.requests import MEANINGS, OperatorRequests


@pytest.fixture
def lines() -> list[str]:
    """What was said."""
    return []


@pytest.mark.parametrize("key", KEYS)
def test_a_key_alone_does_nothing(key: str, lines: list[str]) -> None:
    """The program prints what would happen; any other key than y cancels."""
    board = OperatorRequests()
    dialog = Dialog(board, lines.append)
    for one in (key, "n", "y"):
        dialog.press(one)
    assert MEANINGS[KEYS[key]] in lines[0]
    assert board.news() == []


def test_a_confirmed_key_is_a_request(lines: list[str]) -> None:
    """The key y makes the request, and one that makes no sense now is refused with the reason."""
    board = OperatorRequests()
    dialog = Dialog(board, lines.append)
    for key in "gypy":
        dialog.press(key)
    with pytest.raises(PauseRequested):
        board.obey(may_pause=True, may_skip=True)
    assert "the run is not paused" in lines[1]
    assert [asked.by for asked in board.news()] == ["terminal", "terminal"]


def test_keys_are_read_without_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    """One at a time from a terminal, and none in time is the empty text; its mode comes back."""
    pty = pytest.importorskip("pty")
    import termios

    from flowrig.cli.terminal.keys import Keys

    mine, theirs = pty.openpty()
    with os.fdopen(theirs, "rb", buffering=0) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        monkeypatch.setattr(Keys, "_in_front", lambda self: True)
        before = termios.tcgetattr(theirs)
        with Keys() as keys:
            os.write(mine, b"py")
            assert (keys.read(5.0), keys.read(5.0), keys.read(0.0)) == ("p", "y", "")
        assert termios.tcgetattr(theirs) == before
    os.close(mine)
