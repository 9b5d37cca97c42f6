"""Features: numbers that are read from spectra and computed from each other, by name."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import evolve, field, frozen

from flowrig.problem.objective import Objective
from flowrig.profile.expressions import (
    Bound,
    Expression,
    ExpressionError,
    Kind,
    Meaning,
    Unit,
    unit_of,
)
from flowrig.profile.expressions.grammar import (
    Algebra,
    Call,
    Name,
    Negative,
    Number,
    Operation,
    fold,
)
from flowrig.profile.model.channels import Channel, How, Window
from flowrig.profile.problems import Path

__all__ = [
    "COSTS",
    "PRODUCT",
    "TIME",
    "WASTE",
    "Feature",
    "Reading",
    "bind_features",
    "costs_in",
    "features_of_objective",
]

EXPERIMENT = "experiment"
TIME, WASTE, PRODUCT = (f"{EXPERIMENT}.{name}" for name in ("time", "waste", "product"))
COSTS: Mapping[str, str] = {TIME: "min", WASTE: "mL", PRODUCT: "mL/h"}
"""Unit of what features may say of the experiment itself: how long its liquid flows, how much of it
flows in that time, and how fast liquid flows that is no carrier."""

SHAPE = ("peak", "energy", "fwhm")
"""Readings of the shape of a band, which have no value where there is no band."""


@frozen
class Reading:
    """What is read from the spectrum of a channel.

    Attributes:
        channel: name of the channel.
        how: "at" a wavelength, "area" of a window, or "peak" wavelength, photon "energy" or "fwhm"
            of the highest band in a window.
        window_nm: the window [nm], or in the unit of another axis; twice the same place for "at".
        unit: unit of the axis of the channel's spectrum.
    """

    channel: str
    how: How
    window_nm: Window
    unit: str = "nm"


@frozen(kw_only=True)
class Feature:
    """A number with a name, which objective, reports and exports use.

    Attributes:
        name: the name.
        unit: "" for a number without one.
        key: path of the key that sets it, or its window, in the profile.
        readings: what is read from spectra for it, in the order of the text.
        expression: how it is computed; None if it is its only reading.
        spectra: of a feature that the objective computes, the channels whose spectra it needs.
    """

    name: str
    unit: str
    key: Path
    readings: tuple[Reading, ...] = ()
    expression: Bound | None = field(default=None, repr=False)
    spectra: tuple[str, ...] = ()

    @property
    def is_series(self) -> bool:
        """Whether it has a value for each position of a scan, and is no number."""
        return self.expression is not None and self.expression.kind == "series"

    @property
    def channels(self) -> tuple[str, ...]:
        """Channels that it reads itself: spectra, and numbers of analyses."""
        names = () if self.expression is None else self.expression.expression.names
        read = [*self.spectra, *(one.channel for one in self.readings)]
        return tuple(dict.fromkeys([*read, *(n.partition(".")[0] for n in names if "." in n)]))

    @property
    def only(self) -> Reading | None:
        """The reading that it is, if nothing is computed."""
        if self.expression is None:
            return self.readings[0] if self.readings else None
        tree = self.expression.expression.tree
        return self.readings[0] if isinstance(tree, Call) and self.readings else None

    @property
    def is_shape(self) -> bool:
        """Whether it is the place or width of a band, which may not be there."""
        return self.only is not None and self.only.how in SHAPE

    @property
    def may_lack(self) -> bool:
        """Whether it can have no value without anything being wrong: no band, or no quotient."""
        return self.only is None or self.is_shape


def bind_features(
    channels: Mapping[str, Channel],
    texts: Mapping[str, Expression],
    known: Iterable[Feature] = (),
    readings: Mapping[str, str] | None = None,
) -> tuple[dict[str, Feature], dict[str, ExpressionError]]:
    """Give the names in expressions of features their meaning.

    Args:
        channels: by name; each is a spectrum, and `CHANNEL.QUANTITY` a number of its analysis.
        texts: the expressions, by the name of the feature. They may use each other.
        known: features that are there already.
        readings: unit of what devices report, by DEVICE.QUANTITY.

    Returns:
        every feature by name, in the order of known features and texts, series too, and by name the
        errors of those that have no meaning.
    """
    meanings = _meanings(channels)
    meanings |= {name: Meaning(_unit(unit)) for name, unit in (readings or {}).items()}
    found = {feature.name: feature for feature in known}
    meanings |= {name: Meaning(_unit(feature.unit)) for name, feature in found.items()}
    errors: dict[str, ExpressionError] = {}
    waiting = dict(texts)
    while waiting:
        ready = [n for n, one in waiting.items() if not waiting.keys() & set(one.names)]
        for name in ready or list(waiting):
            expression = waiting.pop(name)
            try:
                if not ready:
                    raise ExpressionError("it is computed from itself", 0, "no such circle")
                bound = expression.bind(meanings)
            except ExpressionError as error:
                errors[name] = error
                continue
            found[name] = made = _feature(name, bound)
            unit = bound.unit if made.expression is None else made.expression.unit
            meanings[name] = Meaning(unit, bound.kind, over=bound.over)
    order = [*(feature.name for feature in known), *texts]
    return {name: found[name] for name in order if name in found}, errors


def costs_in(texts: Mapping[str, Expression], taken: Collection[str]) -> dict[str, str]:
    """Unit of the `COSTS` that features use.

    Args:
        texts: expressions of features, by name.
        taken: names of devices and channels; one called "experiment" keeps the name for itself.
    """
    used = {name for text in texts.values() for name in text.names}
    return {n: unit for n, unit in COSTS.items() if n in used and EXPERIMENT not in taken}


def features_of_objective(objective: Objective | None) -> tuple[Feature, ...]:
    """The features that an objective computes itself from spectra.

    Args:
        objective: None in a profile that is loaded to make a rig safe.
    """
    if objective is None:
        return ()
    key = ("objective", "name")
    return tuple(
        Feature(name=name, unit=unit, key=key, spectra=objective.spectra)
        for name, unit in objective.computed.items()
    )


def _meanings(channels: Mapping[str, Channel]) -> dict[str, Meaning]:
    """What the names of channels, and of the numbers of their analyses, stand for."""
    found: dict[str, Meaning] = {}
    for name, channel in channels.items():
        unit, axis = _unit(channel.offer.unit), _unit(channel.offer.axis_unit)
        scan = channel.scan
        over = "" if scan is None else f"{scan.count} positions of {scan.device}"
        found[name] = Meaning(unit, "spectra" if over else "spectrum", axis, over)
        for quantity, unit_of_it in channel.offer.quantities.items():
            kind: Kind = "series" if over else "number"
            found[f"{name}.{quantity}"] = Meaning(_unit(unit_of_it), kind, over=over)
    return found


def _feature(name: str, bound: Bound) -> Feature:
    bound = _in_nm(bound)
    return Feature(
        name=name,
        unit=bound.unit.name.replace(" ", "·"),
        key=("features", name),
        readings=_readings(bound),
        expression=bound,
    )


def _in_nm(bound: Bound) -> Bound:
    """A computed length in nm: from spectra it is one of wavelengths, as an area over a height."""
    natural, usual = bound.natural, bound.natural.usual
    if natural.text or usual.text == "mm/s" or dict(natural.powers).get("length") != 1:
        return bound
    text = re.sub(r"\bmm\b", "nm", usual.text)
    if text == usual.text:
        return bound
    scale = usual.scale * unit_of("nm").scale / unit_of("mm").scale
    return evolve(bound, natural=Unit(natural.powers, scale, text))


def _readings(bound: Bound) -> tuple[Reading, ...]:
    found: list[Reading] = fold(bound.expression.tree, _Readings(bound.meanings))
    return tuple(dict.fromkeys(found))


def _unit(text: str) -> Unit:
    """The unit of a text; one that profiles do not know is a quantity of its own."""
    try:
        return unit_of(text.replace("·", " "))
    except ValueError:
        return Unit(((text, 1),), text=text)


class _Readings(Algebra[list[Reading]]):
    """Every reading of a spectrum, in the order of the text."""

    def __init__(self, meanings: Mapping[str, Meaning]) -> None:
        self._meanings = meanings

    def number(self, node: Number) -> list[Reading]:
        return []

    def name(self, node: Name) -> list[Reading]:
        return []

    def negative(self, node: Negative, of: list[Reading]) -> list[Reading]:
        return of

    def operation(
        self, node: Operation, left: list[Reading], right: list[Reading]
    ) -> list[Reading]:
        return left + right

    def call(self, node: Call, arguments: Sequence[list[Reading]]) -> list[Reading]:
        first, *others = node.arguments
        how = _HOW.get(node.function)
        if how is None or not isinstance(first, Name):
            return [reading for one in arguments for reading in one]
        axis = self._meanings[first.name].axis
        places = [one.value * one.unit.factor(axis) for one in others if isinstance(one, Number)]
        return [Reading(first.name, how, (places[0], places[-1]), axis.text)]


_HOW: Mapping[str, How] = {
    "at": "at",
    "area": "area",
    "peak": "peak",
    "energy": "energy",
    "fwhm": "fwhm",
}
