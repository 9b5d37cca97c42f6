"""A campaign whose optimizers can be asked without a rig, and one that misbehaves when told to."""

from collections.abc import Callable
from pathlib import Path

import pytest
from moody import ENTRY, OPTIMIZER, PROFILE, SETTINGS

from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile, merged_toml


@pytest.fixture
def moody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installs a distribution whose optimizer crashes, hangs and eats memory when it is told to."""
    site = tmp_path / "site"
    info = site / "moody-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: moody\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flowrig]\nmoody = moody_entry\n")
    (site / "moody_entry.py").write_text(ENTRY)
    (site / "moody_settings.py").write_text(SETTINGS)
    (site / "moody_optimizer.py").write_text(OPTIMIZER)
    monkeypatch.syspath_prepend(site)


@pytest.fixture
def campaign(tmp_path: Path) -> Callable[..., tuple[Path, Profile]]:
    """Writes a run's folder with a frozen profile; returns it with the profile."""

    def write(campaign: str = "", stages: str = "") -> tuple[Path, Profile]:
        folder, plugins = tmp_path / "run", Plugins.discover()
        folder.mkdir()
        source = tmp_path / "campaign.toml"
        source.write_text(PROFILE.format(campaign=campaign, stages=stages), encoding="utf-8")
        text = merged_toml(source, plugins)
        (folder / "profile.toml").write_text(text, encoding="utf-8", newline="\n")
        return folder, load_profile(folder / "profile.toml", plugins)

    return write
