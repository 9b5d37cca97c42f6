"""The pictures of a paper that was run again, each a file of its own, and its numbers as JSON."""

from typing import Any

import attrs

from flowrig.report.gallery.content import GalleryContent
from flowrig.report.svg.style import alone

__all__ = ["json_of", "pictures_of"]


def pictures_of(content: GalleryContent) -> dict[str, str]:
    """The text of each picture, by the name of its file: "SYSTEM-FIGURE-1.svg".

    Args:
        content: the paper as it was run again.
    """
    return {
        name: alone(part.drawing)
        for one, names in zip(content.figures, _names(content), strict=True)
        for name, part in zip(names, one.parts, strict=True)
    }


def json_of(content: GalleryContent) -> dict[str, Any]:
    """What was run, what agrees and where the pictures are, as plain values.

    Args:
        content: the paper as it was run again.
    """
    return {
        "name": content.name,
        "title": content.title,
        "doi": content.doi,
        "source": content.source,
        "seed": content.seed,
        "quick": content.is_quick,
        "verdict": content.verdict,
        "differing": [
            {"figure": figure.name, **attrs.asdict(claim)} for figure, claim in content.differing
        ],
        "figures": [
            {
                "name": one.figure.name,
                "title": one.figure.title,
                "paper": one.figure.paper,
                "claims": [attrs.asdict(claim) for claim in one.figure.claims],
                "notes": list(one.figure.notes),
                "pictures": names,
                "captions": [part.caption for part in one.parts],
            }
            for one, names in zip(content.figures, _names(content), strict=True)
        ],
        "runs": [attrs.asdict(one) for one in content.runs],
    }


def _names(content: GalleryContent) -> list[list[str]]:
    """Names of the files of each figure."""
    return [
        [
            f"{content.name}-{one.figure.name}-{number}.svg"
            for number in range(1, len(one.parts) + 1)
        ]
        for one in content.figures
    ]
