"""Small campaigns on the emulated reference rig."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROFILE = """\
extends = "cs3cu2i5-heatup-chem3"
title = "The reference rig with a short acquisition"

[analysis]
frames = 60
frame_interval = "100 ms"
reactive_frames = 15

[campaign]
title = "a short campaign"
surrogate = {{ name = "gp" }}

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = {explore}
batch = {explore}
order_by = "temperature"

[[campaign.stages]]
name = "improve"
optimizer = "bayes"
acquisition = "ei"
experiments = {improve}
{more}
"""

Flowrig = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def short(tmp_path: Path) -> Callable[..., Path]:
    """Writes a profile whose campaign has a few experiments; returns its path."""

    def write(explore: int = 4, improve: int = 1, more: str = "") -> Path:
        path = tmp_path / "short.toml"
        path.write_text(
            PROFILE.format(explore=explore, improve=improve, more=more), encoding="utf-8"
        )
        return path

    return write


@pytest.fixture
def flowrig() -> Flowrig:
    """Runs the command line in a process of its own."""

    def call(*words: object, code: int = 0) -> "subprocess.CompletedProcess[str]":
        done = subprocess.run(
            [sys.executable, "-m", "flowrig", *map(str, words)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=200,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return call


@pytest.fixture
def summary(flowrig: Flowrig) -> Callable[[Path], dict[str, Any]]:
    """What `flowrig report DIR --json` says."""

    def read(folder: Path) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(flowrig("report", folder, "--json").stdout)
        return content

    return read
