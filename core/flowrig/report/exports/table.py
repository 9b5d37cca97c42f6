"""The experiments of a run as columns: conditions, features, objective, times."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from attrs import frozen

from flowrig.interfaces.study import shown_age
from flowrig.journal.visible import visible_line
from flowrig.learning.experiment_table import column_of, named_with_unit
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.off_line.stored import aged_of
from flowrig.run_record.reader import RunRecord

__all__ = ["Column", "csv_rows", "experiment_columns"]

FORMULA = ("=", "+", "-", "@")
"""First characters of a text that a spreadsheet takes for a formula, and computes."""


@frozen
class Column:
    """One quantity of every experiment.

    Attributes:
        name: with its unit at the end, for conditions and times.
        unit: "" for a number without one; features have the units that `docs/analysis.md` gives.
        values: one for each experiment, in order of time; None where there is none.
    """

    name: str
    unit: str
    values: Sequence[Any]


def experiment_columns(record: RunRecord) -> list[Column]:
    """The columns of a table with one row for each experiment."""
    experiments = record.experiments()
    objective_unit = record.profile.objective.unit
    features = list(experiments[0].features) if experiments else []
    columns = [
        Column("index", "", [e.index for e in experiments]),
        Column("stage", "", [e.decision.stage for e in experiments]),
    ]
    if record.campaign.arms:
        columns.append(Column("arm", "", [e.decision.arm or "" for e in experiments]))
    if record.campaign.studies:
        columns += [
            Column("settled", "", ["yes" if e.decision.settles else "no" for e in experiments]),
            Column("flowing_s", "s", [e.flowing_s for e in experiments]),
        ]
    columns += [
        Column(column_of(p), p.unit, [e.conditions[p.name] for e in experiments])
        for p in record.profile.space.parameters
    ]
    columns += [
        Column(name, "", [e.measured_features.get(name, math.nan) for e in experiments])
        for name in features
    ]
    units = record.start.data.readings or {}
    columns += [
        Column(
            named_with_unit(name, unit),
            unit,
            [e.readings.get(name, math.nan) for e in experiments],
        )
        for name, unit in units.items()
    ]
    columns += _results(record, experiments)
    return [
        *columns,
        Column("objective", objective_unit, [e.measured_objective for e in experiments]),
        *_corrections(record, experiments),
        Column("quality", "", [e.quality for e in experiments]),
        Column("flags", "", ["; ".join(e.flags) for e in experiments]),
        Column("started_s", "s", [e.started_s for e in experiments]),
        Column("ended_s", "s", [e.ended_s for e in experiments]),
        Column(
            "predicted_objective", objective_unit, [e.decision.objective_mean for e in experiments]
        ),
        Column("predicted_sd", objective_unit, [e.decision.objective_sd for e in experiments]),
    ]


def _corrections(record: RunRecord, experiments: Sequence[Experiment]) -> list[Column]:
    """Columns of what models and the best use instead; none where no batch is corrected."""
    names = dict.fromkeys(name for e in experiments for name in e.factors)
    if not names:
        return []
    unit = record.profile.objective.unit
    factors = [
        Column(f"batch_factor.{n}", "", [e.factors.get(n, 1.0) for e in experiments]) for n in names
    ]
    return [*factors, Column("corrected_objective", unit, [e.objective for e in experiments])]


def _results(record: RunRecord, experiments: Sequence[Experiment]) -> list[Column]:
    """Columns of off-line results; none where the run has no such channel and no file."""
    later = record.profile.analysis.off_line_units
    stored = record.profile.analysis.stored
    if not (later or stored or any(e.entries for e in experiments)):
        return []
    files = [_each(one.file for v in e.entries for one in v.data.files) for e in experiments]
    return [
        *(
            Column(
                named_with_unit(name, unit),
                unit,
                [e.results.get(name, math.nan) for e in experiments],
            )
            for name, unit in later.items()
        ),
        *_stored(record, experiments),
        Column("results.by", "", [_each(v.data.by for v in e.entries) for e in experiments]),
        Column("results.files", "", files),
        Column("results.awaits", "", ["; ".join(e.awaits) for e in experiments]),
    ]


def _stored(record: RunRecord, experiments: Sequence[Experiment]) -> Iterator[Column]:
    """A column for each quantity, series and age of stored samples that somebody has measured."""
    units, found = record.profile.analysis.stored_units, dict[tuple[str, str, float], list[float]]()
    for place, one in enumerate(experiments):
        for aged in aged_of(record.profile, one.entries):
            for inner, value in aged.values.items():
                key = (f"{aged.channel}.{inner}", aged.series, aged.age_s)
                found.setdefault(key, [math.nan] * len(experiments))[place] = value
    for (name, series, age_s), values in sorted(found.items()):
        head = f"{name}.{series}.{shown_age(age_s).replace(' ', '')}"
        yield Column(named_with_unit(head, units[name]), units[name], values)


def _each(words: Iterable[str]) -> str:
    """Words, each once."""
    return "; ".join(dict.fromkeys(filter(None, words)))


def csv_rows(record: RunRecord) -> Iterator[list[Any]]:
    """A head, and one row for each experiment, as they are written in CSV.

    A control character in a text is written as an escape. A text that a spreadsheet would take for
    a formula is written behind an apostrophe, which makes it a text there (OWASP, "CSV Injection").
    """
    columns = experiment_columns(record)
    yield [_cell(column.name) for column in columns]
    for row in zip(*(column.values for column in columns), strict=True):
        yield [_cell(value) for value in row]


def _cell(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = visible_line(value)
    return f"'{text}" if text.startswith(FORMULA) else text
