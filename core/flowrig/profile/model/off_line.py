"""Off-line channels: results that are entered later, by a person, a program or a file."""

import math
import re
from collections.abc import Iterable, Mapping

from attrs import field, frozen

from flowrig.profile.expressions import Unit, unit_of
from flowrig.profile.model.features import Feature
from flowrig.profile.problems import Path, shown
from flowrig.profile.quantity import QuantityError

__all__ = [
    "OFF_LINE",
    "Given",
    "OffLine",
    "at_age",
    "later_features",
    "spectral_and_later",
    "value_in",
]

OFF_LINE = "off-line"
"""What `use` of such a channel says."""

EXPERIMENT = "{experiment}"
"""What stands for the number of an experiment in the name of a file."""

ANALYSIS_S = 600.0
"""Time [s] that an analysis takes where the profile does not say it (assumed)."""

_NEVER_NEGATIVE = frozenset(("amount", "counts", "length", "mass", "time"))
"""Base quantities of which no measurement is negative; a difference of two may be."""

_NUMBER = re.compile(
    r"\s*([+-]?(?:\d{1,30}\.?\d{0,30}|\.\d{1,30})(?:[eE][+-]?\d{1,3})?)\s*(.*?)\s*"
)


@frozen(kw_only=True)
class Given:
    """A quantity that an off-line channel gives.

    Attributes:
        unit: unit of its values; "" for plain numbers.
        low: smallest value that it can have, where the profile says so.
        high: largest value that it can have, where the profile says so.
    """

    unit: str
    low: float = -math.inf
    high: float = math.inf

    def value(self, text: str) -> float:
        """A result in the unit of the quantity.

        Raises:
            QuantityError: it is no number, its unit is missing or of another kind, or it is outside
                the range.
        """
        value = value_in(text, self.unit)
        low, high = self.sensible
        if not low <= value <= high:
            expected = self.shown_range
            if (low, high) != (self.low, self.high):
                expected += ", as the profile gives no other `range`"
            raise QuantityError(f"got {shown(text)}", expected)
        return value

    @property
    def sensible(self) -> tuple[float, float]:
        """Smallest and largest value that is taken as a result.

        Where the profile gives no range, a percentage is 0 to 100 %, and lengths, areas, volumes,
        times, masses, amounts, counts and what is made of them are not negative.
        """
        if math.isfinite(self.low) or math.isfinite(self.high):
            return self.low, self.high
        if self.unit == "%":
            return 0.0, 100.0
        unit = _unit(self.unit) if self.unit else None
        if unit is not None and unit.powers and {n for n, _ in unit.powers} <= _NEVER_NEGATIVE:
            return 0.0, math.inf
        return -math.inf, math.inf

    @property
    def shown_range(self) -> str:
        """The sensible values, for people: "0 to 100 %", "at least 0 nm", "any number of mdeg"."""
        low, high = self.sensible
        if math.isfinite(high):
            return f"{low:g} to {high:g} {self.unit}".rstrip()
        if math.isfinite(low):
            return f"at least {low:g} {self.unit}".rstrip()
        return f"any number of {self.unit}" if self.unit else "any number"


@frozen(kw_only=True)
class OffLine:
    """A channel whose results come later than their experiment.

    Attributes:
        name: name in the profile.
        gives: its quantities by name.
        within_s: time [s] after an experiment in which its result is expected; a later one is
            reported as late. None where no time is too long.
        takes_s: time [s] that an analysis takes; a simulated run enters the result after it.
        files: files that an instrument drops, as a path whose last part has `{experiment}`; a
            relative one begins in the folder of the run. Empty where there are none.
        series_s: by condition of storage, the ages [s] at which a stored sample is measured; empty
            for a sample that is measured once.
        path: path of its table in the profile.
    """

    name: str
    gives: Mapping[str, Given]
    within_s: float | None = None
    takes_s: float = ANALYSIS_S
    files: str = ""
    series_s: Mapping[str, tuple[float, ...]] = field(factory=dict)
    path: Path = ()

    @property
    def units(self) -> dict[str, str]:
        """Unit of everything that it gives, by CHANNEL.QUANTITY."""
        return {f"{self.name}.{quantity}": one.unit for quantity, one in self.gives.items()}

    def __str__(self) -> str:
        """What it gives, for people: "off-line: plqy (0 to 100 %), within 48 h"."""
        gives = (f"{name} ({one.shown_range})" for name, one in self.gives.items())
        late = "" if self.within_s is None else f", within {self.within_s / 3600:g} h"
        series = f", of samples stored as {', '.join(self.series_s)}" if self.series_s else ""
        return f"off-line: {', '.join(gives)}{late}{series}"


def at_age(quantity: str, series: str, age_s: float) -> str:
    """What a simulated rig calls a result of a stored sample.

    Args:
        quantity: CHANNEL.QUANTITY.
        series: how the sample was stored.
        age_s: its age [s].
    """
    return f"{quantity} of {series} at {age_s:g} s"


def value_in(text: str, unit: str) -> float:
    """A number with a unit, such as "61 %", expressed in another unit of the same kind.

    Args:
        text: the number with its unit; a plain number has none.
        unit: the wanted unit. One that no profile knows has to be written as it is.

    Raises:
        QuantityError: it is no finite number, or its unit is missing or of another kind.
    """
    expected = f"a value such as {f'1 {unit}'.rstrip()}"
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise QuantityError(f"got {shown(text)}", expected)
    number, given = float(match[1]), match[2]
    if not math.isfinite(number):
        raise QuantityError(f"got {shown(text)}, which is too large", expected)
    if given == unit:
        return number
    if not given:
        raise QuantityError(f"got {shown(text)} without a unit", expected)
    have, wanted = _unit(given), _unit(unit)
    # A temperature in K and one in °C have one scale and another zero.
    if have is None or wanted is None or have.powers != wanted.powers or "K" in (given, unit):
        raise QuantityError(f"got {shown(text)}", expected)
    return number * have.factor(wanted)


def _unit(text: str) -> Unit | None:
    try:
        return unit_of(text.replace("·", " "))
    except ValueError:
        return None


def later_features(
    features: Mapping[str, Feature], off_line: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """The features that off-line results go into, through any other feature.

    Args:
        features: every feature by name.
        off_line: CHANNEL.QUANTITY of the off-line channels.

    Returns:
        by feature, the off-line quantities that it needs.
    """
    known, found = set(off_line), dict[str, tuple[str, ...]]()

    def needs(name: str) -> tuple[str, ...]:
        if name in known:
            return (name,)
        if name in features and name not in found:
            expression = features[name].expression
            used = () if expression is None else expression.expression.names
            found[name] = tuple(dict.fromkeys(one for inner in used for one in needs(inner)))
        return found.get(name, ())

    return {name: some for name in features if (some := needs(name))} if known else {}


def spectral_and_later(
    features: Mapping[str, Feature], off_line: Iterable[str], reported: Iterable[str]
) -> dict[str, str]:
    """Features that mix off-line results with what only the spectra show.

    They cannot be computed when the result comes: the spectrum was read when the experiment ended.

    Args:
        features: every feature by name.
        off_line: CHANNEL.QUANTITY of the off-line channels.
        reported: DEVICE.QUANTITY of what devices report.

    Returns:
        by feature, the channel that it reads itself.
    """
    kept = {*off_line, *reported}
    found = {}
    for name in later_features(features, off_line):
        feature = features[name]
        names = () if feature.expression is None else feature.expression.expression.names
        dotted = (one.partition(".")[0] for one in names if "." in one and one not in kept)
        read = [*(reading.channel for reading in feature.readings), *dotted]
        if read:
            found[name] = read[0]
    return found
