"""Settings of `production`, and the limits that they mean."""

import math
import re
from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

from flowrig.errors import InputError
from flowrig.interfaces import At, StudyRig, StudySettings

__all__ = ["Band", "ProductionSettings", "bands_of", "vials_of"]

USUAL_WIDTH = 0.1
"""Limits of a feature that nobody gave any, as a fraction of its first looks."""

USUAL_S = 3600.0
"""Time [s] for which product is made where nobody says how much."""

_BAND = re.compile(r"(?:±|\+/?-|)\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>\S.*)?")


@frozen(kw_only=True)
class Band:
    """How far a feature may be off its first looks.

    Attributes:
        feature: its name.
        width: in its unit, or as a fraction.
        is_relative: whether it is a fraction.
    """

    feature: str
    width: float
    is_relative: bool


@frozen(kw_only=True)
class ProductionSettings(StudySettings):
    """Settings of `production`.

    Attributes:
        at: the condition; by default the best experiment before.
        volume_ml: volume [mL] of product without carriers that is kept.
        duration_s: in its place, how long [s] product is made; an hour if neither is given.
        look_every_s: time [s] from the frames of one look to those of the next.
        keep: by feature, how far it may be off the first looks: "±10 %" or "±2 nm"; by default
            ±10 % of each feature that the objective is computed from.
        outside: what follows where a look is outside: "refuse" lets the liquid go to the waste
            until it is inside again. At the second such look in a row, "hold" lets the run wait for
            a person, "optimize" looks for a better condition near the present one and goes on
            there, and "end" ends the production.
        collector: a device that turns to `vials`; without one nothing is turned.
        vials: its positions, or ranges of them, in the order in which they are filled.
        each_ml: volume [mL] of product in each fraction; without a collector, what flows from one
            look to the next by default.
        makes_g_mol: by limiting species, how much product [g] comes of one mole of it.
        conversion: share of the limiting species that becomes product.
    """

    at: At = field(factory=lambda: At("best"))
    volume_ml: float | None = None
    duration_s: float | None = None
    look_every_s: float = 120.0
    keep: Mapping[str, str] = field(factory=dict)
    outside: Literal["refuse", "hold", "optimize", "end"] = "refuse"
    collector: str = ""
    vials: tuple[str, ...] = ()
    each_ml: float | None = None
    makes_g_mol: Mapping[str, float] = field(factory=dict)
    conversion: float = 1.0

    @property
    def time_s(self) -> float:
        """How long [s] product is made where no volume is given."""
        return USUAL_S if self.duration_s is None else self.duration_s

    def objection(self, rig: StudyRig) -> str:
        """The amount is said once, limits and vials exist, and the vials hold the volume."""
        if self.volume_ml is not None and self.duration_s is not None:
            return "`volume` and `duration` both say how much is made; expected one of them"
        if not (self.time_s > 0.0 and (self.volume_ml is None or self.volume_ml > 0.0)):
            return "`volume` or `duration` is not above 0; expected a volume such as 200 mL"
        if not self.look_every_s > 0.0:
            return "`look_every` is not above 0; expected a time such as 2 min"
        try:
            bands_of(self, rig)
        except InputError as error:
            return str(error)
        return self._objection_to_yield(rig) or self._objection_to_vials(rig)

    def _objection_to_yield(self, rig: StudyRig) -> str:
        if not 0.0 < self.conversion <= 1.0:
            return "`conversion` is a share; expected a number above 0, at most 1"
        known = rig.species_umol_min(rig.conditions(self.at))
        for species, g_mol in self.makes_g_mol.items():
            if species not in known:
                there = f"one of {', '.join(known)}" if known else "`contains` of a stream"
                return f"`makes` names {species!r}, which no stream contains; expected {there}"
            if not g_mol > 0.0:
                return f"`makes` has {species} = {g_mol:g} g/mol; expected more than 0"
        return ""

    def _objection_to_vials(self, rig: StudyRig) -> str:
        if not self.collector:
            return "`vials` belong to a `collector`; expected its name" if self.vials else ""
        known = rig.positions.get(self.collector, ())
        if not known:
            able = ", ".join(name for name, some in rig.positions.items() if some) or "none here"
            return f"`collector` {self.collector!r} turns to no positions; expected one of {able}"
        vials = vials_of(self, rig)
        wrong = [one for one in vials if one not in known]
        if wrong or not vials:
            named = f" {wrong[0]!r}" if wrong else ""
            return f"`vials` has{named or ' none'}; expected some of {', '.join(known)}"
        if self.each_ml is None or not self.each_ml > 0.0:
            return "`each` says how much goes into a vial; expected a volume such as 8 mL"
        vessels_ul = rig.vessels_ul.get(self.collector, {})
        for vial in vials:
            holds_ml = vessels_ul.get(vial, math.inf) / 1000.0
            if self.each_ml > holds_ml:
                return f"`each` is {self.each_ml:g} mL; {vial} holds {holds_ml:g} mL"
        room_ml = self.each_ml * len(vials)
        rate = rig.product_ul_min(rig.conditions(self.at))
        wanted_ml = self.volume_ml or self.time_s / 60.0 * rate / 1000.0
        fits = not wanted_ml > room_ml * (1.0 + 1e-9)
        return "" if fits else f"`vials` hold {room_ml:g} mL; expected {wanted_ml:.3g} mL or more"


def vials_of(settings: ProductionSettings, rig: StudyRig) -> tuple[str, ...]:
    """The vials by name: "tube" stands for tube_1, tube_2 and so on, unless it is a position."""
    known, found = rig.positions.get(settings.collector, ()), list[str]()
    for vial in settings.vials:
        numbered = [n for n in known if re.fullmatch(rf"{re.escape(vial)}_\d+", n)]
        found += [vial] if vial in known or not numbered else numbered
    return tuple(dict.fromkeys(found))


def bands_of(settings: ProductionSettings, rig: StudyRig) -> list[Band]:
    """The features that are watched, and their limits.

    Raises:
        InputError: one does not exist, or its limits are none.
    """
    if not settings.keep:
        return [Band(feature=n, width=USUAL_WIDTH, is_relative=True) for n in rig.responses]
    return [_band(name, text, rig) for name, text in settings.keep.items()]


def _band(name: str, text: str, rig: StudyRig) -> Band:
    if name not in rig.units:
        names = ", ".join(rig.units)
        raise InputError(f"`keep` names {name!r}, which is no feature; expected one of {names}")
    unit = rig.units[name]
    found = _BAND.fullmatch(text.strip())
    expected = '"±10 %"' + (f' or "±2 {unit}"' if unit else ' or "±2"')
    if found is None or found["unit"] not in ("%", unit or None):
        raise InputError(f"`keep` has {name} = {text!r}; expected limits such as {expected}")
    number, relative = float(found["number"]), found["unit"] == "%"
    return Band(feature=name, width=number / 100.0 if relative else number, is_relative=relative)
