"""The scorecard of a run in words: rows for pages and terminals, and the figure of its time."""

from collections.abc import Iterator, Mapping

from attrs import frozen

from flowrig.journal.events import Robustness
from flowrig.report.page import figure, section, table, text_cell
from flowrig.report.svg.charts import legend
from flowrig.report.svg.markup import Markup, tag
from flowrig.report.svg.numbers import Quantity, duration, with_unit
from flowrig.report.svg.stacked_bars import bar_key, stacked_bars
from flowrig.run_record.scorecard.figure import Figure
from flowrig.run_record.scorecard.materials import Materials
from flowrig.run_record.scorecard.scorecard import Scorecard
from flowrig.run_record.scorecard.times import SHARES, TimeShares

__all__ = [
    "Row",
    "cost_facts",
    "robustness_words",
    "rows_of",
    "scorecard_section",
    "time_rows",
    "time_section",
    "time_words",
]

NOT_KNOWN = "not known"


@frozen
class Row:
    """One line of a scorecard.

    Attributes:
        metric: what is judged, in words.
        value: the value as people read it.
        note: how it was found, or why it is not known.
    """

    metric: str
    value: str
    note: str = ""


def rows_of(card: Scorecard, objective: Quantity) -> list[Row]:
    """The lines of a scorecard.

    Args:
        card: the scorecard.
        objective: how values of the objective are shown.
    """
    return [
        Row("degree of autonomy", card.autonomy.degree, card.autonomy.reason),
        *_lifetime(card),
        *_throughput(card),
        *_precision(card),
        *_materials(card.materials),
        *_space(card),
        *_efficiency(card, objective),
        *_front(card),
    ]


def _row(metric: str, one: Figure, significant: int = 3) -> Row:
    if one.value is None or not one.is_known:
        return Row(metric, NOT_KNOWN, one.note)
    unit = {"1/h": "an hour"}.get(one.unit, one.unit)
    return Row(metric, with_unit(one.value, unit, significant), one.note)


def _millilitres(metric: str, one: Figure) -> Row:
    """A volume in mL."""
    if one.value is None or not one.is_known:
        return Row(metric, NOT_KNOWN, one.note)
    return Row(metric, with_unit(one.value / 1000, "mL", 3), one.note)


def _lifetime(card: Scorecard) -> Iterator[Row]:
    life = card.lifetime
    yield _row("demonstrated unassisted lifetime", life.demonstrated_unassisted)
    yield _row("demonstrated assisted lifetime", life.demonstrated_assisted)
    yield _row("theoretical unassisted lifetime", life.theoretical_unassisted)
    yield _row("theoretical assisted lifetime", life.theoretical_assisted)
    for what in dict.fromkeys(one.what for one in life.interventions):
        found = [one for one in life.interventions if one.what == what]
        waited_s = sum(one.ended_s - one.begun_s for one in found)
        note = f"first {duration(found[0].begun_s)} after the start: {found[0].text}"
        waited = f"; the rig waited {duration(waited_s)}" if waited_s else ""
        often = "once" if len(found) == 1 else f"{len(found)} times"
        yield Row(f"intervention: {what}", often, note + waited)


def _throughput(card: Scorecard) -> Iterator[Row]:
    made = card.throughput
    yield _row("demonstrated throughput", made.demonstrated)
    yield _row("theoretical throughput", made.theoretical)
    yield _row("product", made.product_ml_h)
    if made.product_mmol_h:
        listed = ", ".join(f"{n} {with_unit(v, '', 3)}" for n, v in made.product_mmol_h.items())
        note = "what is fed at the best condition; how much of it reacts is not known"
        yield Row("product by substance", f"{listed} mmol/h", note)


def _precision(card: Scorecard) -> Iterator[Row]:
    precision = card.precision
    if not precision.rsd_percent:
        yield Row("precision", NOT_KNOWN, precision.note)
    for name, value in precision.rsd_percent.items():
        note = f"relative standard deviation of {precision.source}: {precision.note}"
        if precision.source == "replicates" and name in precision.stated_percent:
            note += f"; the profile states {with_unit(precision.stated_percent[name], '%', 2)}"
        elif precision.source == "stated":
            note = precision.note
        yield Row(f"precision: {name}", with_unit(value, "%", 2), note)


def _materials(used: Materials) -> Iterator[Row]:
    for name, one in used.streams.items():
        for liquid, volume_ul in one.used_ul.items():
            yield Row(f"used: {name}", with_unit(volume_ul / 1000, "mL", 3), liquid)
    for species, amount in used.substances_mmol.items():
        yield Row(f"used: {species}", with_unit(amount, "mmol", 3))
    if used.note:
        yield Row("amounts", "not all known" if used.substances_mmol else NOT_KNOWN, used.note)
    yield _millilitres("reagents for one experiment", used.per_experiment_ul)
    yield Row("waste", with_unit(used.waste_ul / 1000, "mL", 3))
    yield _millilitres("waste for one good result", used.waste_per_result_ul)
    yield _millilitres("active quantity", used.active_ul)
    yield _millilitres("hazardous waste", used.hazardous_ul)


def _space(card: Scorecard) -> Iterator[Row]:
    space = card.space
    listed = [
        f"{one.name} ({len(one.choices)} choices)"
        if one.choices
        else f"{one.name} {with_unit(one.low, '')} to {with_unit(one.high, one.unit)}"
        for one in space.dimensions
    ]
    noun = "dimension" if len(listed) == 1 else "dimensions"
    yield Row("accessible space", f"{len(listed)} {noun}", ", ".join(listed))
    yield _row("size of the space", space.size, 6)
    if space.reachable < 1.0:
        yield Row("reachable share of the box of bounds", f"{space.reachable:.0%}")


def _efficiency(card: Scorecard, objective: Quantity) -> Iterator[Row]:
    found = card.efficiency
    which = f"; {found.run}, against {found.reference}" if found.reference else ""
    for metric, one in (
        ("acceleration factor AF", found.acceleration),
        ("AF at the best of the run, at least", found.at_least),
        ("enhancement factor EF", found.enhancement),
    ):
        row = _row(metric, one)
        if found.reference or metric != "AF at the best of the run, at least":
            yield Row(row.metric, row.value, row.note + which)
    if found.difference.value is not None and found.difference.is_known:
        gain = _spread(found.difference.value, objective)
        yield Row("enhancement as a difference", gain, found.difference.note)


def _front(card: Scorecard) -> Iterator[Row]:
    if card.hypervolume.value is not None and card.hypervolume.is_known:
        yield _row("hypervolume", card.hypervolume)


def scorecard_section(card: Scorecard, objective: Quantity) -> Markup:
    """The scorecard on a page."""
    rows = (
        tag("tr", text_cell(one.metric), tag("td", one.value, class_="text"), text_cell(one.note))
        for one in rows_of(card, objective)
    )
    head = (tag("th", word, class_="text") for word in ("metric", "value", "how, or why not"))
    return section(
        "Scorecard",
        "The metrics by which self-driving labs are judged, from the journal of this run alone.",
        table(head, rows),
    )


def cost_facts(card: Scorecard) -> list[tuple[str, str]]:
    """What stands beside the objective: product and results in an hour, and waste of a result."""
    made = card.throughput
    rows = [
        _row("product at the best", made.product_ml_h),
        _row("results", made.demonstrated),
        _millilitres("waste for one result", card.materials.waste_per_result_ul),
    ]
    return [(one.metric, one.value) for one in rows if one.value != NOT_KNOWN]


def robustness_words(robustness: Robustness | None, objective: Quantity) -> str:
    """How far the objective at the best conditions scatters with the rig, in a sentence or two.

    Args:
        robustness: what the run computed; None if it did not.
        objective: how values of the objective are shown.
    """
    if robustness is None or robustness.sd is None or robustness.from_conditions is None:
        return "How far the rig's own scatter spreads it is not known: the run did not compute it."
    parts = [f"{_spread(robustness.from_conditions, objective)} by temperatures and flow rates"]
    if robustness.from_measurement is not None:
        noise = _spread(robustness.from_measurement, objective)
        parts.append(f"{noise} by the measurement ({robustness.measurement})")
    words = f"± {_spread(robustness.sd, objective)} by the rig's own scatter: {', '.join(parts)}. "
    flat = robustness.flat
    if flat is None or flat.objective_mean is None or flat.sd is None:
        return words + "No measured condition that is as good is much flatter."
    return words + (
        f"A flat optimum nearby: experiment {flat.index}, expected "
        f"{objective.text(flat.objective_mean, flat.sd)} under the scatter of its conditions."
    )


def _spread(sd: float, objective: Quantity) -> str:
    """A standard deviation of the objective; a share in percent is in percentage points."""
    unit = "percentage points" if objective.unit == "%" else objective.unit
    return with_unit(sd * objective.factor, unit, 2)


def time_words(times: TimeShares) -> str:
    """The shares of the rig time that are not zero, in one line."""
    shown = [
        f"{name} {share:.1%} ({duration(times.seconds[name])})"
        for name, share in times.fractions.items()
        if times.seconds[name] > 0.0
    ]
    return ", ".join(shown) or "no time has passed"


def time_rows(times: TimeShares) -> list[Row]:
    """The shares of the rig time, a line for each that is not zero."""
    return [
        Row(f"time: {name}", f"{share:.1%}", duration(times.seconds[name]))
        for name, share in times.fractions.items()
        if times.seconds[name] > 0.0
    ]


def time_section(times: TimeShares) -> Markup:
    """Where the rig time goes, by experiment and in all."""
    if not times.total_s:
        return Markup()
    used = [name for name in SHARES if times.seconds[name] > 0.0]
    bars = {one.index: _minutes(one.seconds) for one in times.experiments}
    drawing = stacked_bars(
        bars, SHARES, ("experiment", "time (min)"), title="Rig time of every experiment"
    )
    keys = [(bar_key(SHARES.index(name)), name) for name in used]
    between = _listed(times.between)
    words = f"Of {duration(times.total_s)} of rig time: {time_words(times)}."
    if between:
        words += f" Outside of the experiments: {between}."
    return section(
        "Where the time goes", words, figure(tag("div", drawing, class_="wide"), legend(keys))
    )


def _minutes(seconds: Mapping[str, float]) -> dict[str, float]:
    return {name: s / 60 for name, s in seconds.items()}


def _listed(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {duration(s)}" for name, s in seconds.items())
