"""Small campaigns on the emulated reference rig."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowrig.cli import main
from flowrig.journal import canonical_json
from flowrig.record import RunRecord

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

Flowrig = Callable[..., Result]


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
    """Runs the command line, and expects an exit code."""

    def call(*words: object, code: int = 0) -> Result:
        done = CliRunner().invoke(main, list(map(str, words)))
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return call


@pytest.fixture
def summary() -> Callable[[Path], dict[str, Any]]:
    """What `flowrig report DIR --json` says."""

    def read(folder: Path) -> dict[str, Any]:
        with RunRecord(folder) as record:
            content: dict[str, Any] = json.loads(canonical_json(record.summary()))
            return content

    return read
