"""A folder that holds a run takes no second run; the message advises what to do instead."""

from collections.abc import Callable
from pathlib import Path

import pytest
from some_events import begun

from flowrig.errors import InputError
from flowrig.journal.events import Ended
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run


@pytest.mark.parametrize(
    ("ended", "said"),
    [
        ("finished", r"holds a finished run.*flowrig report .*--out"),
        ("stopped", r"holds a run already; resume it with: flowrig resume "),
        ("failed", r"holds a run already; resume it with: flowrig resume "),
        (None, r"holds a run already; resume it with: flowrig resume "),
    ],
)
def test_what_to_do_with_a_folder_depends_on_how_its_run_ended(
    short: Callable[..., Path], tmp_path: Path, ended: str | None, said: str
) -> None:
    """One that is finished can be looked at, any other be resumed; neither is touched."""
    folder = tmp_path / "tried"
    folder.mkdir()
    with Journal.create(folder / FILE_NAME) as journal:
        journal.append(begun(), 0.0)
        if ended:
            journal.append(Ended(state=ended, reason=""), 1.0)
    before = (folder / FILE_NAME).read_bytes()
    with pytest.raises(InputError, match=said):
        start_run(short(), RunOptions(folder=folder, simulate=True))
    assert (folder / FILE_NAME).read_bytes() == before
