"""The label of the sample that an experiment left."""

from attrs import frozen

from flowrig.problem.space import plain_number
from flowrig.run_record.reader import RunRecord

__all__ = ["Label", "label_of"]


@frozen
class Label:
    """A label.

    Attributes:
        lines: for people.
        code: for a scanner: the name of the run's folder, a space, and the number.
    """

    lines: tuple[str, ...]
    code: str


def label_of(record: RunRecord, index: int) -> Label:
    """The label of the sample of an experiment.

    Args:
        record: the run.
        index: number of the experiment.

    Raises:
        InputError: it is not measured.
    """
    experiment, profile = record.experiment(index), record.profile
    name = record.folder.resolve().name
    units = profile.space.units
    conditions = (
        f"{n} {v if isinstance(v, str) else plain_number(v)} {units.get(n, '')}".rstrip()
        for n, v in experiment.conditions.items()
    )
    values = profile.device_values(experiment.conditions)
    stored = profile.analysis.stored.values() if experiment.decision.is_stored else ()
    places = [
        f"{device} at {values[device]}"
        for device, entry in profile.devices.items()
        if entry.offer.kind == "collector" and device in values
    ]
    lines = (
        f"{name} {index}",
        f"{record.start.data.profile}, run begun {record.start.wall[:16].replace('T', ' ')} UTC",
        ", ".join(conditions),
        *places,
        *(f"stored as {', '.join(one.series_s)}" for one in stored),
        *((f"waits for {', '.join(experiment.awaits)}",) if experiment.awaits else ()),
    )
    return Label(lines=lines, code=f"{name} {index}")
