"""Experiments with what quality checks doubt about them."""

from collections.abc import Iterator, Sequence
from typing import Any

import attrs

from flowrig.interfaces.device import Quality
from flowrig.journal.events import Checked, Event, QualityFlag
from flowrig.run_record.experiment import Experiment

__all__ = ["doubted", "doubts_as_json", "with_doubts"]


def with_doubts(measured: Experiment, checked: Sequence[Event[Checked]]) -> Experiment:
    """An experiment with the flags of quality checks: its quality is at best what they suggest.

    Args:
        measured: the experiment as it was measured.
        checked: what the checks said of it, in order; the last answer counts.
    """
    if not (checked and checked[-1].data.flags):  # most profiles have no check
        return measured
    doubts = checked[-1].data.flags
    quality, flags = doubted(measured.quality, measured.flags, doubts)
    return attrs.evolve(measured, quality=quality, flags=flags, doubts=doubts)


def doubted(
    quality: str, flags: Sequence[str], doubts: Sequence[QualityFlag]
) -> tuple[str, tuple[str, ...]]:
    """Quality and flags of a measurement with what checks doubt."""
    given = (quality, *(one.quality for one in doubts))
    texts = (f"{one.check}: {one.text}" for one in doubts)
    return Quality.worst(map(Quality, given)).value, (*flags, *texts)


def doubts_as_json(experiment: Experiment) -> Iterator[dict[str, Any]]:
    """What checks doubt about an experiment, as plain values."""
    for one in experiment.doubts:
        yield {"experiment": experiment.index, **one.as_json()}
