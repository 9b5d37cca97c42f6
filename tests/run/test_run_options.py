"""Options of a run: defaults, and lists of names."""

from collections.abc import Callable
from pathlib import Path

import pytest
from watched_rig import QUICK

import flowrig as package


def test_a_run_without_a_folder_gets_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is named after target and time; the same options start another run beside it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quick.toml").write_text(QUICK.format(experiments=1), encoding="utf-8")
    options = package.RunOptions(simulate=True)
    one, two = (package.start_run("quick.toml", options) for _ in range(2))
    assert one.folder != two.folder
    for outcome in (one, two):
        assert outcome.state == "finished"
        assert outcome.folder.parent == Path("flowrig-runs")
        assert outcome.folder.name.startswith("quick-")
        with outcome.record() as record:
            assert len(record.experiments()) == 1


@pytest.mark.parametrize("name", ["refilled", "emptied", "reset", "yes_to"])
def test_a_text_is_no_list_of_names(name: str) -> None:
    """A forgotten pair of brackets does not become a list of letters."""
    make: Callable[..., object] = package.ResumeOptions
    with pytest.raises(TypeError, match=r"write \['CuI'\]"):
        make(**{name: "CuI"})
