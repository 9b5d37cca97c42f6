"""Journals that released versions wrote are read, and gone on with, for ever."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.reader import RunRecord

JOURNALS = Path(__file__).parent / "journals"
"""By version: a run of three experiments that was stopped after the second."""


@pytest.mark.parametrize("version", sorted(one.name for one in JOURNALS.iterdir()))
def test_a_journal_of_a_released_version_is_resumed(version: str, tmp_path: Path) -> None:
    """What it measured stays as it was, and only what is missing is measured."""
    folder = tmp_path / "run"
    shutil.copytree(JOURNALS / version, folder)
    with RunRecord(folder) as record:
        before = record.experiments()
        assert (record.state, len(before)) == ("stopped", 2)
        assert record.start.data.versions["flowrig"] == version
        frames = record.frames(1, "hdx_pl")
        assert (frames.shape, frames.dtype) == ((8, 2068), np.uint16)

    assert resume_run(folder, ResumeOptions(accept_changes=True)).state == "finished"

    with RunRecord(folder) as record:
        after = record.experiments()
        assert record.journal.damage is None
        assert [e.index for e in after] == [1, 2, 3]
        assert after[:2] == before
        np.testing.assert_array_equal(record.frames(1, "hdx_pl"), frames)
