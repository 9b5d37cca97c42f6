"""A synthesis whose product a digital twin predicts, in place of a chemistry."""

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from attrs import frozen

from flowrig.emulation import Chemistry, Parcel, Product, Setup
from flowrig.interfaces import Surrogate
from flowrig.learning.categories import with_categories
from flowrig.learning.model_file import load_model, require_space
from flowrig.plugins.registry import Plugins
from flowrig.problem.space import Value
from flowrig.profile.model import Profile
from flowrig_sim.chemistry.synthesis import ABSORBANCE_AT_NM, PUBLISHED_WINDOW_NM, cs3cu2i5
from flowrig_sim.chemistry.twin_conditions import ConditionsOfParcels
from flowrig_sim.chemistry.twin_optics import PredictedOptics
from flowrig_sim.optics.spectra import dye_area

__all__ = ["TwinSynthesis"]

PUBLISHED = ("a300", "pla")
"""Absorbance and area of the reference rig, whose product has published spectra."""
LEAST_ABSORBANCE = 1e-3
"""Absorbance below which the product counts as invisible: no yield can be computed from it."""


@frozen(eq=False)
class TwinSynthesis(Chemistry):
    """Predictions of a saved surrogate at the conditions of the liquid in the rig.

    Outside the space of its training data, conditions are moved to the border of the space. A
    mixture with less reagent than the mixture at the border counts as a dilution of it.

    Attributes:
        surrogate: predicts the responses of the objective.
        responses: their names, in the order of its columns.
        profile: the rig.
        read: reads the conditions from parcels.
        optics: turns predictions into spectra; None for the published ones of the reference rig.
    """

    surrogate: Surrogate
    responses: tuple[str, ...]
    profile: Profile
    read: ConditionsOfParcels
    optics: PredictedOptics | None

    @classmethod
    def of_rig(
        cls, path: Path, profile: Profile, setup: Setup, excitation_nm: float
    ) -> "TwinSynthesis":
        """Read a surrogate that `flowrig twin train` wrote for the search space of a rig.

        Args:
            path: the file.
            profile: the rig.
            setup: what a chemistry may know of the rig.
            excitation_nm: wavelength [nm] of the light that excites emission.

        Raises:
            InputError: the file cannot be read, its surrogate has other conditions, a variable
                cannot be seen in the liquid, or no spectrum can be made for a response.
        """
        saved = load_model(path, Plugins.discover())
        require_space(saved, profile.space, path)
        responses = tuple(map(str, saved.notes.get("responses", ())))
        optics = None
        if not _is_published(profile, responses):
            optics = PredictedOptics.of(profile, responses, setup, excitation_nm)
        surrogate = with_categories(saved.surrogate, profile.space)
        return cls(surrogate, responses, profile, ConditionsOfParcels(profile), optics)

    def product(self, parcel: Parcel) -> Product:
        """The product of one slice of liquid."""
        conditions = self._conditions(parcel)
        if conditions is None:
            return self._product((), 0.0)
        space = self.profile.space
        U = np.clip(space.to_unit(space.array([conditions])), 0.0, 1.0)
        inside = space.rows(space.from_unit(U))[0]
        return self._product(
            self.surrogate.predict(U).mean[0].tolist(), self._strength(parcel, inside)
        )

    def _conditions(self, parcel: Parcel) -> dict[str, Value] | None:
        """Conditions of a parcel; None where they are none, as where nothing flows."""
        if self.read.needs_heat and not any(leg.is_heated for leg in parcel.history()):
            return None
        conditions = self.read.conditions(parcel)
        numbers = () if conditions is None else conditions.values()
        if any(isinstance(one, float) and math.isnan(one) for one in numbers):
            return None
        return conditions

    def _strength(self, parcel: Parcel, inside: Mapping[str, Value]) -> float:
        """Reagents in a parcel, as a fraction of those under conditions inside the space."""
        rates = self.read.rates_ul_min(parcel) or {}
        reagents = [n for n, one in self.profile.streams.items() if one.role == "reagent"]
        wanted = self.profile.flow_rates_ul_min(inside)
        least = sum(wanted[name] for name in reagents)
        given = sum(rates.get(name, 0.0) for name in reagents)
        # Also where the limits leave no solution at the border.
        return min(given / least, 1.0) if least > 0.0 else float(not reagents)

    def _product(self, predicted: tuple[float, ...] | list[float], strength: float) -> Product:
        if self.optics is not None:
            return self.optics.product(predicted, strength) if predicted else Product()
        absorbance, area = (
            predicted[self.responses.index(name)] if predicted else 0.0 for name in PUBLISHED
        )
        if strength <= 0.0 or absorbance <= LEAST_ABSORBANCE:
            return cs3cu2i5(LEAST_ABSORBANCE, 0.0, 0.0)
        percent = max(area, 0.0) / dye_area(0.01, absorbance)
        return cs3cu2i5(strength * absorbance, percent, 0.0)


def _is_published(profile: Profile, responses: tuple[str, ...]) -> bool:
    """Whether the responses are those of the reference rig."""
    if set(responses) != set(PUBLISHED):
        return False
    found = [profile.features[name].only for name in PUBLISHED if name in profile.features]
    windows = [None if one is None else one.window_nm for one in found]
    return windows == [(ABSORBANCE_AT_NM, ABSORBANCE_AT_NM), PUBLISHED_WINDOW_NM]
