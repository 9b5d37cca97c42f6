"""The figures of a report, each from the content of a run."""

import math
from collections.abc import Sequence

from attrs import evolve, frozen

from flowrig.measurement.sample import Spectrum
from flowrig.measurement.spectra import area, interpolate_at
from flowrig.profile.model import Channel, Reading
from flowrig.report.content import Expectation, Experiment, Prediction, ReportContent
from flowrig.report.page import figure
from flowrig.report.svg.charts import (
    Axes,
    Axis,
    Series,
    chart,
    curve,
    filled,
    legend,
    note,
    points,
    ring,
    span,
    steps,
    symbol,
    vertical,
)
from flowrig.report.svg.markup import Markup, tag
from flowrig.report.svg.numbers import Quantity, grouped

__all__ = ["arms", "best_so_far", "parameters", "parity", "spectrum"]

CURVE_MARGIN_NM = 25.0


def best_so_far(content: ReportContent) -> Markup:
    """The objective of every experiment, coloured by stage, and the best value so far."""
    objective = content.objective
    measured = [(e.index, _shown(objective, e.objective)) for e in content.succeeded]
    axes = Axes(
        _experiments_axis(content),
        Axis.around(objective.label, [y for _, y in measured], from_zero=True, margin=0.12),
        width=1040.0,
        height=340.0,
    )
    trusted = [(e.index, _shown(objective, e.objective)) for e in content.trusted]
    marks = [
        steps(axes, *_running_best(trusted), "best-so-far"),
        *_by_stage(content, axes, objective),
    ]
    best = content.best
    if best is not None and best.objective is not None:
        at = (float(best.index), _shown(objective, best.objective))
        marks += [ring(axes, *at, "ring"), note(axes, *at, objective.text(best.objective))]
    failed = [e for e in content.experiments if not e.succeeded]
    marks += [_failure(axes, experiment) for experiment in failed]
    keys = [(symbol(i), stage) for i, stage in enumerate(content.stages)]
    keys.append((_key_line("best-so-far"), "best so far"))
    if len(content.trusted) < len(content.succeeded):
        keys.append((_key_hollow(), "in doubt, does not count"))
    if failed:
        keys.append((_key_cross(), "failed"))
    drawing = chart(axes, *marks, title=f"{objective.name} of every experiment")
    return figure(tag("div", drawing, class_="wide"), legend(keys))


def arms(content: ReportContent) -> Markup:
    """The objective of each arm's own experiments, one beside the other, and the best so far."""
    objective = content.objective
    own = {arm: [e for e in content.succeeded if e.arm == arm] for arm in content.arms}
    known = [e for e in content.trusted if e.arm is None]
    shown = [*known, *(e for e in content.succeeded if e.arm is not None)]
    most = max(len(experiments) for experiments in own.values())
    axes = Axes(
        Axis("experiment of the arm", 0.0, most + 1.0, whole=True),
        Axis.around(
            objective.label,
            [_shown(objective, e.objective) for e in shown],
            from_zero=True,
            margin=0.12,
        ),
        width=1040.0,
        height=340.0,
    )
    marks, keys = [], []
    best = max((_shown(objective, e.objective) for e in known), default=None)
    if best is not None:
        marks.append(curve(axes, [axes.x.low, axes.x.high], [best, best], "best-line"))
        keys.append((_key_line("best-line"), "best before the arms"))
    for style, (arm, experiments) in enumerate(own.items()):
        numbered = list(enumerate(experiments, 1))
        sound = [(x, _shown(objective, e.objective)) for x, e in numbered if e in content.trusted]
        marks.append(
            tag("g", steps(axes, *_running_best(sound), "quartile"), class_=f"s{style % 6}")
        )
        marks.append(
            points(
                axes,
                Series(
                    style=style,
                    x=[x for x, _ in numbered],
                    y=[_shown(objective, e.objective) for e in experiments],
                    hints=[_hint(content, objective, e) for e in experiments],
                    hollow=[e not in content.trusted for e in experiments],
                ),
            )
        )
        keys.append((symbol(style), arm))
    drawing = chart(axes, *marks, title=f"{objective.name} of each arm")
    return figure(tag("div", drawing, class_="wide"), legend(keys))


def parameters(content: ReportContent) -> list[Markup]:
    """Each condition over the campaign, coloured by stage; a dotted line marks the best value."""
    figures = []
    best = content.incumbent_experiment
    for variable in content.profile.variables:
        quantity = content.conditions[variable.name]
        numbers = [
            variable.parameter.number_of(e.conditions[variable.name]) for e in content.experiments
        ]
        axes = Axes(
            _experiments_axis(content),
            evolve(
                Axis.around(quantity.label, [*variable.range, *numbers], margin=0.08),
                names=variable.parameter.choices,
            ),
            width=340.0,
            height=230.0,
        )
        marks = [
            points(
                axes,
                Series(
                    style=style,
                    x=[e.index for e in content.experiments if e.stage == stage],
                    y=[
                        number
                        for e, number in zip(content.experiments, numbers, strict=True)
                        if e.stage == stage
                    ],
                    hints=[
                        f"experiment {e.index}: {quantity.text(e.conditions[variable.name])}"
                        for e in content.experiments
                        if e.stage == stage
                    ],
                ),
            )
            for style, stage in enumerate(content.stages)
        ]
        if best is not None:
            value = variable.parameter.number_of(best.conditions[variable.name])
            marks.insert(0, curve(axes, [axes.x.low, axes.x.high], [value, value], "best-line"))
            marks.append(ring(axes, best.index, value, "ring"))
        figures.append(figure(chart(axes, *marks, title=f"{quantity.label} over the campaign")))
    return figures


def parity(content: ReportContent, expected: Sequence[Expectation | None]) -> list[Markup]:
    """Predicted against measured values, for each feature that was predicted and the objective.

    Args:
        content: the run.
        expected: the prediction of each experiment, in the same order; None where there is none.
    """
    predicted = zip(content.experiments, expected, strict=True)
    compared = [(e, x) for e, x in predicted if x is not None]
    figures = []
    for name, quantity in content.features.items():
        pairs = [
            Pair(e, e.features[name], x.features[name])
            for e, x in compared
            if name in x.features and math.isfinite(e.features.get(name, math.nan))
        ]
        if pairs:
            figures.append(_parity(content, quantity, pairs))
    pairs = [
        Pair(e, e.objective, x.objective)
        for e, x in compared
        if e.succeeded and e.objective is not None and x.objective is not None
    ]
    if pairs:
        figures.append(_parity(content, content.objective, pairs))
    return figures


def spectrum(content: ReportContent, channel: Channel, shown: Spectrum) -> Markup:
    """The spectrum of a channel with its baseline window and what features read from it."""
    readings = (one for f in content.profile.features.values() for one in f.readings)
    wanted = list(dict.fromkeys(one for one in readings if one.channel == channel.name))
    areas = [one for one in wanted if one.how == "area"][:1]
    points = [one for one in wanted if one.how == "at"]
    look = _LOOKS.get(channel.offer.name, (channel.name, f"Spectrum of {channel.name}"))
    others = [one for one in content.profile.analysis.channels.values() if one != channel]
    alike = any(one.offer.name == channel.offer.name for one in others)
    which = f" ({channel.name})" if alike else ""
    label = f"{look[0]} ({channel.offer.unit})" if channel.offer.unit else look[0]
    axes = _spectrum_axes(channel, shown, *_shown_nm(channel, shown, wanted), label=label)
    marks = [] if channel.baseline_nm is None else [span(axes, *channel.baseline_nm, "baseline")]
    for one in areas:
        low, high = one.window_nm
        inside = (shown.wavelengths_nm >= low) & (shown.wavelengths_nm <= high)
        marks.append(filled(axes, shown.wavelengths_nm[inside], shown.values[inside], "emission"))
    marks.append(curve(axes, shown.wavelengths_nm, shown.values, "spectrum"))
    marks += [_wavelength(axes, channel, shown, one.window_nm[0]) for one in points]
    phase = "" if channel.picked is None else " of reactive phase"
    caption = f"{_CAPTIONS.get(channel.offer.name, channel.name)}{which}, mean of "
    caption += f"{len(shown.frames)} frames{phase}"
    for one in areas:
        total = grouped(area(shown.values, shown.wavelengths_nm, one.window_nm))
        low, high = one.window_nm
        caption += f"; the filled area, {low:g} to {high:g} {one.unit}, is "
        caption += f"{total} {channel.offer.unit}·{one.unit}"
    return figure(chart(axes, *marks, title=f"{look[1]}{which}"), tag("figcaption", f"{caption}."))


_LOOKS = {
    "absorbance": ("absorbance", "Absorbance spectrum"),
    "emission": ("emission", "Emission spectrum"),
    "decay": ("decay", "Decay of the emission"),
    "phase": ("level", "Passing phases"),
}
"""Label of the axis and title of the figure, by analysis."""

_CAPTIONS = {
    "absorbance": "Absorbance",
    "emission": "Photoluminescence",
    "decay": "Decay of the emission",
    "phase": "Level at the first place",
}


def _wavelength(axes: Axes, channel: Channel, shown: Spectrum, at_nm: float) -> Markup:
    """A line at a wavelength that a feature reads."""
    text = f"{at_nm:g} {channel.offer.axis_unit}"
    if channel.offer.name == "absorbance":
        read = interpolate_at(shown.values, shown.wavelengths_nm, at_nm)
        text = f"A{at_nm:.0f} = {read:.3f}"
    return vertical(axes, at_nm, text)


def _shown_nm(channel: Channel, shown: Spectrum, wanted: Sequence[Reading]) -> tuple[float, float]:
    """Wavelengths [nm] from which and to which a spectrum is drawn: all that is read from it."""
    first, last = float(shown.wavelengths_nm[0]), float(shown.wavelengths_nm[-1])
    if channel.offer.axis_unit != "nm":
        return first, last
    margin_nm = CURVE_MARGIN_NM
    read = [(low - margin_nm, high + margin_nm) for low, high in (f.window_nm for f in wanted)]
    if channel.baseline_nm is not None:
        read.append(channel.baseline_nm)
    if channel.offer.needs_light and channel.picked is not None:
        read.append(channel.picked.window_nm)
    if not wanted:
        return first, last
    return max(min(low for low, _ in read), first), min(max(high for _, high in read), last)


@frozen
class Pair:
    """A measured value and its prediction."""

    experiment: Experiment
    measured: float
    predicted: Prediction


def _parity(content: ReportContent, quantity: Quantity, pairs: Sequence[Pair]) -> Markup:
    factor = quantity.factor
    seen = [
        value * factor
        for p in pairs
        for value in (
            p.measured,
            p.predicted.mean - p.predicted.sd,
            p.predicted.mean + p.predicted.sd,
        )
    ]
    both = Axis.around(f"measured {quantity.label}", seen)
    axes = Axes(both, Axis(f"predicted {quantity.label}", both.low, both.high), 380.0, 360.0)
    marks = [curve(axes, [both.low, both.high], [both.low, both.high], "diagonal")]
    for style, stage in enumerate(content.stages):
        own = [p for p in pairs if p.experiment.stage == stage]
        marks.append(
            points(
                axes,
                Series(
                    style=style,
                    x=[p.measured * factor for p in own],
                    y=[p.predicted.mean * factor for p in own],
                    sd=[p.predicted.sd * factor for p in own],
                    hints=[
                        f"experiment {p.experiment.index}: measured {quantity.text(p.measured)}, "
                        f"predicted {quantity.text(p.predicted.mean, p.predicted.sd)}"
                        for p in own
                    ],
                ),
            )
        )
    title = f"Predicted against measured {quantity.name}"
    return figure(chart(axes, *marks, title=title), tag("figcaption", _parity_words(pairs)))


def _parity_words(pairs: Sequence[Pair]) -> str:
    """R², and the number of measurements within one and two standard deviations."""
    count = len(pairs)
    errors = [abs(p.measured - p.predicted.mean) for p in pairs]
    center = sum(p.measured for p in pairs) / count
    spread = sum((p.measured - center) ** 2 for p in pairs)
    words = f"{count} prediction{'s' if count > 1 else ''}"
    if spread > 0:
        words += f", R² = {1 - sum(e**2 for e in errors) / spread:.2f}".replace("-", "−")
    within = [
        sum(e <= k * p.predicted.sd for e, p in zip(errors, pairs, strict=True)) for k in (1, 2)
    ]
    return (
        f"{words}. {within[0]} of {count} measurements lie within one standard deviation of the "
        f"prediction (68 % expected), {within[1]} within two (95 % expected)."
    )


def _by_stage(content: ReportContent, axes: Axes, objective: Quantity) -> list[Markup]:
    drawn = []
    for style, stage in enumerate(content.stages):
        own = [e for e in content.succeeded if e.stage == stage]
        drawn.append(
            points(
                axes,
                Series(
                    style=style,
                    x=[e.index for e in own],
                    y=[_shown(objective, e.objective) for e in own],
                    hints=[_hint(content, objective, e) for e in own],
                    hollow=[e not in content.trusted for e in own],
                ),
            )
        )
    return drawn


def _hint(content: ReportContent, objective: Quantity, experiment: Experiment) -> str:
    conditions = ", ".join(
        f"{content.conditions[name].name} {content.conditions[name].text(value)}"
        for name, value in experiment.conditions.items()
        if name in content.conditions
    )
    return (
        f"experiment {experiment.index} ({experiment.stage}): "
        f"{objective.text(experiment.objective or 0.0)} at {conditions}"
    )


def _running_best(measured: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """The points at which the best value rises, as x and y of a step line."""
    xs: list[float] = []
    ys: list[float] = []
    for x, y in measured:
        if not ys or y > ys[-1]:
            xs.append(float(x))
            ys.append(y)
    return xs, ys


def _failure(axes: Axes, experiment: Experiment) -> Markup:
    x, y = axes.x_px(experiment.index), axes.bottom - 8
    hint = f"experiment {experiment.index} failed"
    if experiment.remark:
        hint += f": {experiment.remark}"
    return tag(
        "g",
        tag("title", hint),
        tag("path", d=f"M{x - 4:.1f} {y - 4:.1f}l8 8m0 -8l-8 8", class_="failed"),
    )


def _experiments_axis(content: ReportContent) -> Axis:
    last = max((e.index for e in content.experiments), default=1)
    return Axis("experiment", 0.0, last + 1.0, whole=True)


def _spectrum_axes(
    channel: Channel, spectrum: Spectrum, low_nm: float, high_nm: float, *, label: str
) -> Axes:
    unit = channel.offer.axis_unit
    what = {"nm": "wavelength", "ns": "time", "s": "time"}.get(unit, "place")
    shown = (spectrum.wavelengths_nm >= low_nm) & (spectrum.wavelengths_nm <= high_nm)
    return Axes(
        Axis(f"{what} ({unit})", low_nm, high_nm),
        Axis.around(label, spectrum.values[shown], from_zero=True),
        width=520.0,
        height=330.0,
    )


def _shown(quantity: Quantity, value: float | None) -> float:
    return math.nan if value is None else value * quantity.factor


def _key_line(class_: str) -> Markup:
    return _key(tag("path", d="M-7 0H7", class_=class_))


def _key_cross() -> Markup:
    return _key(tag("path", d="M-4 -4l8 8m0 -8l-8 8", class_="failed"))


def _key_hollow() -> Markup:
    return _key(tag("circle", r=4.0, class_="point hollow"))


def _key(mark: Markup) -> Markup:
    return tag("svg", mark, viewBox="-7 -7 14 14", class_="symbol", aria_hidden="true")
