"""`flowrig gallery`: run a paper again on an emulated rig, and draw its figures."""

import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from flowrig.cli.terminal.printing import (
    json_text,
    print_entries,
    print_json,
    print_paragraph,
    progress_bar,
    say,
)

if TYPE_CHECKING:
    from flowrig.plugins.offers import PaperOffer
    from flowrig.plugins.registry import Plugins
    from flowrig.report.gallery import GalleryContent

__all__ = ["gallery"]

JSON = "gallery.json"


@click.command(short_help="Run a paper again on an emulated rig, and draw its figures.")
@click.argument("papers", nargs=-1, metavar="[NAME|DOI]...")
@click.option("--all", "every", is_flag=True, help="Every paper that is listed.")
@click.option("--quick", is_flag=True, help="Fewer frames and fewer experiments; the page says so.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("flowrig-gallery"),
    show_default=True,
    help="Folder for pages, pictures and gallery.json; files of the same names are replaced.",
)
@click.option(
    "--records",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the runs in this folder, and use those that are there. Without it they are deleted.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def gallery(
    papers: tuple[str, ...],
    *,
    every: bool,
    quick: bool,
    seed: int,
    out: Path,
    records: Path | None,
    as_json: bool,
) -> None:
    """Run what a paper ran on its emulated rig, and draw its figures again.

    Without a name the papers are listed. Beside each figure stands what the paper shows, and
    whether sign, order and size agree; what does not agree is said first. A paper takes from
    seconds to ten minutes of processor time.

    \b
    Examples:
      flowrig gallery
      flowrig gallery maria
      flowrig gallery 10.1039/d5dd00062a --quick
      flowrig gallery --all --records runs
    """
    from flowrig.cli.gallery.making import found_papers, named_papers
    from flowrig.plugins.registry import Plugins

    plugins = Plugins.discover()
    chosen = list(found_papers(plugins).values()) if every else named_papers(papers, plugins)
    if not chosen:
        _list(plugins, as_json=as_json)
        return
    with ExitStack() as stack:
        if records is None:
            records = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="flowrig-")))
        made = _make(chosen, plugins, records, seed=seed, quick=quick)
    files = _write(made, out)
    if as_json:
        print_json(_plain(made))
        return
    for content, page in zip(made, files, strict=True):
        _tell(content, page)


def _list(plugins: "Plugins", *, as_json: bool) -> None:
    from flowrig.cli.gallery.making import found_papers

    papers = found_papers(plugins)
    if as_json:
        listed = [
            {"name": n, "title": o.summary, "doi": o.doi, "source": o.source}
            for n, o in papers.items()
        ]
        print_json(listed)
        return
    print_entries(
        (name, f"{one.summary}. {one.source}", f"doi {one.doi}" if one.doi else "")
        for name, one in papers.items()
    )


def _make(
    chosen: "Sequence[PaperOffer]", plugins: "Plugins", records: Path, *, seed: int, quick: bool
) -> "list[GalleryContent]":
    """Make every paper, with a progress bar over experiments and fits."""
    from flowrig.cli.gallery.making import Gallery, work_of
    from flowrig.plugins.offers import require_installed

    require_installed(chosen)
    works = [work_of(one, plugins, is_quick=quick) for one in chosen]
    with progress_bar(length=sum(works), label="experiments", show_pos=True) as bar:
        making = Gallery(
            plugins=plugins, records=records, seed=seed, is_quick=quick, on_step=bar.update
        )
        return [making.make(one) for one in chosen]


def _write(made: "Sequence[GalleryContent]", out: Path) -> list[Path]:
    """Write pages, pictures and numbers; returns the pages."""
    from flowrig.report.gallery import pictures_of, render_gallery

    out.mkdir(parents=True, exist_ok=True)
    pages = []
    for content in made:
        texts = {**pictures_of(content), f"{content.name}.html": render_gallery(content)}
        for name, text in texts.items():
            (out / name).write_text(text, encoding="utf-8", newline="\n")
        pages.append(out / f"{content.name}.html")
    (out / JSON).write_text(f"{json_text(_plain(made))}\n", encoding="utf-8", newline="\n")
    return pages


def _plain(made: "Sequence[GalleryContent]") -> dict[str, object]:
    from flowrig.report.gallery import json_of

    return {"papers": [json_of(content) for content in made]}


def _tell(content: "GalleryContent", page: Path) -> None:
    """What does not agree, then how many claims do, then where the page is."""
    say(content.title, bold=True)
    for figure, claim in content.differing:
        words = f"does not agree: {figure.title}: {claim.paper} – here: {claim.found}"
        print_paragraph(words, indent=2, fg="yellow")
    print_paragraph(content.verdict, indent=2)
    say(f"  page: {page}")
