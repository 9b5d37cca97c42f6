"""The pictures of the shipped rigs show their profiles."""

from pathlib import Path

import pytest
from docs_pages import ROOT
from rig_pictures import RIGS, picture_file, picture_of

from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile


@pytest.mark.parametrize("name", RIGS)
def test_the_picture_is_up_to_date(name: str) -> None:
    """If this fails: python tests/docs/rig_pictures.py."""
    drawn = picture_of(load_profile(name, Plugins.discover()))
    assert picture_file(name).read_text(encoding="utf-8") == drawn


def test_every_shipped_rig_has_a_picture() -> None:
    """The formulations of the reference rig share its pictures on other pages."""
    rigs: list[Path] = sorted((ROOT / "profiles").glob("*.toml"))
    assert {one.stem for one in rigs if not one.stem.startswith("cs3cu2i5-heatup")} == {*RIGS}
