"""Settings of `production`, and the limits in which a product is kept."""

import math
import re
from collections.abc import Iterator, Mapping

from attrs import field, frozen

from flowrig.errors import InputError
from flowrig.interfaces import At, StudyRig, StudySettings

__all__ = ["KeptWithin", "ProductionSettings", "limits_of"]

_LIMIT = re.compile(r"(?:±|\+/?-)\s*(\d+(?:\.\d*)?|\.\d+)\s*(.*)")


@frozen
class KeptWithin:
    """How far a feature of a kept fraction may lie from its reference.

    Attributes:
        amount: in the unit of the feature, or as a fraction of the reference.
        is_relative: whether it is a fraction of the reference.
    """

    amount: float
    is_relative: bool

    def half(self, reference: float) -> float:
        """Half width of the limits about a reference, in its unit."""
        return self.amount * abs(reference) if self.is_relative else self.amount


@frozen(kw_only=True)
class ProductionSettings(StudySettings):
    """Settings of `production`.

    Attributes:
        at: the condition.
        volume_ul: volume [µL] of kept product, of all streams but carriers; it is rounded up to
            whole fractions.
        duration_s: in its place, how long [s] the product of kept fractions flows, which then
            last from one look to the next; an hour by default.
        each_ul: with a volume, that of a fraction [µL]; by default what flows from one look to the
            next in the middle of the search space.
        look_every_s: time [s] from look to look; a fraction has a look at both ends, so that looks
            come sooner or later where the fraction flows faster or slower than in the middle.
        keep: limits of kept fractions by feature, such as "+-10 %" of the reference, or "+-2 nm".
    """

    at: At = field(factory=lambda: At("best"))
    volume_ul: float | None = None
    duration_s: float | None = None
    each_ul: float | None = None
    look_every_s: float = 300.0
    keep: Mapping[str, str] = field(factory=dict)

    def objection(self, rig: StudyRig) -> str:
        """There is a product, a length, and the limits are limits of features."""
        return next(self._objections(rig), "")

    def _objections(self, rig: StudyRig) -> Iterator[str]:
        if not rig.can_continue:
            yield (
                "`look_every` keeps a flow, and experiments of this rig have steps of their own; "
                "expected a rig without [[procedure]]"
            )
        if self.volume_ul is not None and self.duration_s is not None:
            yield "`duration` stands beside `volume`; expected one of them"
        if self.each_ul is not None and self.volume_ul is None:
            yield "`each` stands without `volume`; expected `volume`, or no `each`"
        given = {"volume": self.volume_ul, "duration": self.duration_s, "each": self.each_ul}
        for key, value in given.items():
            if value is not None and not 0.0 < value < math.inf:
                yield f"`{key}` is {value:g}; expected more than 0"
        if not max(rig.frames_s, 1e-3) <= self.look_every_s < math.inf:
            yield (
                "`look_every` is shorter than the frames of a look take; expected "
                f"{rig.frames_s:g} s or more"
            )
        try:
            limits_of(self.keep, rig)
        except InputError as error:
            yield str(error)


def limits_of(keep: Mapping[str, str], rig: StudyRig) -> dict[str, KeptWithin]:
    """The limits by feature.

    Raises:
        InputError: a feature is unknown, or what is said of it is no limit in its unit.
    """
    found = dict[str, KeptWithin]()
    for name, text in keep.items():
        if name not in rig.units:
            known = ", ".join(sorted(rig.units))
            raise InputError(f"`keep` names the unknown feature {name!r}; expected one of {known}")
        unit = rig.units[name]
        limit = _LIMIT.fullmatch(text.strip())
        said = limit.group(2).strip() if limit else None
        if limit is None or said not in ("%", unit) or not float(limit.group(1)) > 0.0:
            expected = (
                '"+-10 %"' if unit == "%" else f'"+-10 %", or "+-2 {unit}"'.replace(' "', '"')
            )
            raise InputError(f"`keep` has {text!r} for {name}; expected such as {expected}")
        amount, is_relative = float(limit.group(1)), said == "%"
        found[name] = KeptWithin(amount / 100.0 if is_relative else amount, is_relative)
    return found
