"""Draws the shipped rigs for their pages: `python tests/docs/rig_pictures.py`."""

from pathlib import Path

from docs_pages import DOCS

from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.report.svg.rig_drawing import draw_rig
from flowrig.report.svg.style import STYLE

RIGS = tuple(sorted(file.stem for file in (DOCS / "rigs").glob("*.md")))
"""Shipped profiles with a page of their own below `docs/rigs`."""


def picture_of(profile: Profile) -> str:
    """An SVG that stands alone."""
    drawn = str(draw_rig(profile))
    head, _, rest = drawn.partition(">")
    head = head.replace("<svg", "<svg xmlns='http://www.w3.org/2000/svg'", 1)
    return f"{head}><style>svg{{font-family:system-ui,sans-serif}}{STYLE}</style>{rest}\n"


def picture_file(name: str) -> Path:
    """Where the picture of a rig is."""
    return DOCS / "rigs" / f"{name}.svg"


if __name__ == "__main__":
    plugins = Plugins.discover()
    for rig in RIGS:
        text = picture_of(load_profile(rig, plugins))
        picture_file(rig).write_text(text, encoding="utf-8", newline="\n")
