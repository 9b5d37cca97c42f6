"""The gallery of the documentation: `flowrig gallery --all` into docs/gallery, and its page.

Run with `python benchmarks/gallery.py --records FOLDER`; runs that are there are used again.
`--page` writes docs/gallery.md anew from docs/gallery/gallery.json alone.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from flowrig.cli import main as flowrig

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "gallery"
PAGE = DOCS / "gallery.md"
BEGIN, END = "<!-- gallery.py: papers -->", "<!-- gallery.py: end -->"
COLUMNS = 3


def page_of(text: str, papers: Sequence[Mapping[str, Any]]) -> str:
    """The page with the papers as they were run last.

    Args:
        text: the page as it is.
        papers: of gallery.json.
    """
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    parts = [part for paper in papers for part in _paper(paper)]
    return f"{before}{BEGIN}\n" + "\n\n".join(parts) + f"\n{END}{after}"


def _paper(paper: Mapping[str, Any]) -> list[str]:
    """What does not agree, then the figures."""
    doi = f", doi [{paper['doi']}](https://doi.org/{paper['doi']})" if paper["doi"] else ""
    hours = sum(one["hours"] for one in paper["runs"])
    count = sum(one["experiments"] for one in paper["runs"])
    made = f"{count} experiments, {hours:.1f} h of rig time, seed {paper['seed']}."
    verdict = f"{paper['verdict'][:1].upper()}{paper['verdict'][1:]}."
    titles = {one["name"]: one["title"] for one in paper["figures"]}
    differing = [
        f"- *{titles[one['figure']]}* – {one['paper']}. Here: {one['found']}."
        for one in paper["differing"]
    ]
    parts = [f"## {paper['title']}", f"`{paper['name']}`: {paper['source']}{doi}. {made} {verdict}"]
    if differing:
        parts += ["What does not agree:", "\n".join(differing)]
    return parts + [part for figure in paper["figures"] for part in _figure(figure)]


def _figure(figure: Mapping[str, Any]) -> list[str]:
    """Heading, what the paper shows, claims, pictures."""
    parts = [f"### {figure['title']}", f"The paper: {figure['paper']}"]
    if figure["claims"]:
        rows = [
            f"| {one['kind']} | {one['paper']} | {one['found']} "
            f"| {'yes' if one['agrees'] else '**no**'} |"
            for one in figure["claims"]
        ]
        head = "| | the paper | the emulated rig | agrees |\n|---|---|---|---|"
        parts.append("\n".join([head, *rows]))
    pictures = [f"![{figure['title']}](gallery/{name})" for name in figure["pictures"]]
    columns = min(COLUMNS, len(pictures))
    table = [f"|{' |' * columns}", f"|{'---|' * columns}"]
    for first in range(0, len(pictures), columns):
        row = pictures[first : first + columns]
        table.append("| " + " | ".join([*row, *[""] * (columns - len(row))]) + " |")
    return [*parts, "\n".join(table), *figure["notes"]]


def main() -> None:
    """Run what is not there, draw everything, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=Path, help="folder for the runs, to use them again")
    parser.add_argument("--page", action="store_true", help="only write the page anew")
    arguments = parser.parse_args()
    if not arguments.page:
        words = ["gallery", "--all", "--out", str(PICTURES)]
        if arguments.records is not None:
            words += ["--records", str(arguments.records)]
        flowrig(words, standalone_mode=False)
    papers = json.loads((PICTURES / "gallery.json").read_text(encoding="utf-8"))["papers"]
    shown = {name for one in papers for figure in one["figures"] for name in figure["pictures"]}
    for file in PICTURES.iterdir():  # pages, whose content is on this one, and former pictures
        if file.name not in {*shown, "gallery.json"}:
            file.unlink()
    text = page_of(PAGE.read_text(encoding="utf-8"), papers)
    PAGE.write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
