"""A short recorded run of the reference rig, and traces to tamper with."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flowrig.plugins.registry import Plugins
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run

PROFILE = """\
extends = "cs3cu2i5-heatup-chem3"
title = "The reference rig with a short acquisition"

[analysis]
frames = 6
frame_interval = "100 ms"
reactive_frames = 2

[campaign]
title = "a short campaign"

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = 2
batch = 2
"""


@pytest.fixture(scope="session")
def plugins() -> Plugins:
    """What is installed."""
    return Plugins.discover()


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory, plugins: Plugins) -> Path:
    """The folder of a finished simulated run that was recorded."""
    folder = tmp_path_factory.mktemp("recorded")
    profile = folder / "short.toml"
    profile.write_text(PROFILE, encoding="utf-8")
    outcome = start_run(
        profile,
        RunOptions(folder=folder / "run", simulate=True, record_traces=True, plugins=plugins),
    )
    assert outcome.state == "finished"
    return folder / "run"


@pytest.fixture
def tampered(run_folder: Path, tmp_path: Path) -> Callable[..., Path]:
    """Writes a copy of a device's trace whose lines went through a function; returns its path."""

    def write(device: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Path:
        text = (run_folder / "traces" / f"{device}.jsonl").read_text(encoding="utf-8")
        lines = [change(json.loads(line)) for line in text.splitlines()]
        path = tmp_path / f"{device}.jsonl"
        path.write_text(
            "".join(json.dumps(line) + "\n" for line in lines if line is not None),
            encoding="utf-8",
        )
        return path

    return write
