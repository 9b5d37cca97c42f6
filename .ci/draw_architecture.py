"""Draws docs/images/architecture.svg: `python .ci/draw_architecture.py`.

The rows are the layers of the import contract in pyproject.toml, the text of a box is the first
line of the docstring of its room, and the numbered boxes are the way of the data. The picture is
computed, so that it cannot drift from the code.
"""

import ast
import tomllib
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

ROOT: Final = Path(__file__).parent.parent
PICTURE: Final = ROOT / "docs" / "images" / "architecture.svg"
CONTRACT: Final = "Data flows one way"

DATA_PATH: Final = ("profile", "rig", "procedure", "measurement", "problem", "campaign")
"""The rooms that the data of an experiment pass through, in this order."""

WIDTH, ROW, BOX, MARGIN, GAP = 1040, 66, 50, 20, 12
CHARACTERS_A_PIXEL: Final = 1 / 6.3
STYLE: Final = """
text { font: 12px sans-serif; fill: #222 } .name { font-weight: bold; font-size: 14px }
.box { fill: #f4f6f8; stroke: #8a97a5 } .data { fill: #fdeeee; stroke: #c0392b; stroke-width: 2 }
.step { fill: #c0392b; font-weight: bold; font-size: 13px }
@media (prefers-color-scheme: dark) {
  text { fill: #ddd } .box { fill: #2a3038; stroke: #7b8794 } .data { fill: #432; stroke: #e57368 }
  .step { fill: #e57368 }
}
"""


def layers() -> list[list[str]]:
    """Rooms of each layer, the top floor first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = project["tool"]["importlinter"]["contracts"]
    rows = next(one["layers"] for one in contracts if one["name"] == CONTRACT)
    return [[room.strip() for room in row.split("|")] for row in rows]


def summary(room: str) -> str:
    """First line of the docstring of a room or of a module on the ground floor."""
    core = ROOT / "core" / "flowrig"
    file = core / room / "__init__.py"
    file = file if file.exists() else core / f"{room}.py"
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
    assert docstring is not None, file
    return docstring.splitlines()[0]


def wrapped(text: str, width_px: float) -> list[str]:
    """A text in at most two lines that fit a width; an ellipsis stands for the rest."""
    limit, lines = int(width_px * CHARACTERS_A_PIXEL), [""]
    for word in text.split():
        if len(f"{lines[-1]} {word}".strip()) > limit:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines if len(lines) < 3 else [lines[0], lines[1][: limit - 2] + " …"]


def box(room: str, x: float, y: float, width: float) -> list[str]:
    """The SVG elements of one room."""
    on_path = room in DATA_PATH
    kind = "data" if on_path else "box"
    lines = [f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{BOX}" rx="6"/>']
    lines.append(f'<text class="name" x="{x + 10:g}" y="{y + 17:g}">{escape(room)}</text>')
    for number, line in enumerate(wrapped(summary(room), width - 20)):
        lines.append(f'<text x="{x + 10:g}" y="{y + 32 + 13 * number:g}">{escape(line)}</text>')
    if on_path:
        step = DATA_PATH.index(room) + 1
        lines.append(f'<text class="step" x="{x + width - 20:g}" y="{y + 17:g}">{step}</text>')
    return lines


def picture() -> str:
    """The whole picture as SVG."""
    rows = layers()
    height = 2 * MARGIN + ROW * len(rows) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">',
        "<title>Rooms of flowrig by layer; a room imports only from rows below it</title>",
        f"<style>{STYLE}</style>",
    ]
    for number, rooms in enumerate(rows):
        width = (WIDTH - 2 * MARGIN - GAP * (len(rooms) - 1)) / len(rooms)
        for place, room in enumerate(rooms):
            parts += box(room, MARGIN + place * (width + GAP), MARGIN + number * ROW, width)
    path = " → ".join(f"{step} {room}" for step, room in enumerate(DATA_PATH, 1))
    legend = f"Rooms import only from rows below. Data: {path} → 3 …"
    parts.append(f'<text class="step" x="{MARGIN}" y="{height - 18}">{escape(legend)}</text>')
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8", newline="\n")
