"""A synthesis whose product a digital twin predicts, in place of a chemistry."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from attrs import frozen

from flowrig.emulation import Chemistry, Parcel, Product
from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.learning.model_file import load_model
from flowrig.plugins.registry import Plugins
from flowrig.problem.space import Space
from flowrig.profile.model import Profile
from flowrig_sim.chemistry.synthesis import cs3cu2i5
from flowrig_sim.optics.spectra import dye_area

__all__ = ["TwinSynthesis"]

ABSORBANCE, EMISSION = "a300", "pla"
LEAST_ABSORBANCE = 1e-3
"""Absorbance below which the product counts as invisible: no yield can be computed from it."""


@frozen(eq=False)
class TwinSynthesis(Chemistry):
    """Predictions of a saved surrogate at the conditions of the liquid in the reactor.

    Outside the space of its training data, conditions are moved to the border of the space. A
    mixture with less reagent than the mixture at the border counts as a dilution of it.

    Attributes:
        surrogate: predicts absorbance at 300 nm and photoluminescence area [counts·nm].
        responses: column of the absorbance and column of the area in its predictions.
        space: the space of the training data.
        heater: name of the condition that is the temperature [°C] of the plate; the other
            conditions are flow rates [µL/min].
        streams: stream behind each flow rate, by name of the condition.
        reagents: names of the conditions whose streams are reagents.
    """

    surrogate: Surrogate
    responses: tuple[int, int]
    space: Space
    heater: str
    streams: Mapping[str, str]
    reagents: tuple[str, ...] = ()

    @classmethod
    def of_rig(cls, path: Path, profile: Profile) -> "TwinSynthesis":
        """Read a surrogate that `flowrig twin train` wrote for the search space of a rig.

        Raises:
            InputError: as `load`; or the search space has other variables.
        """
        heaters = [v.name for v in profile.variables if v.heater is not None]
        streams = {
            v.name: v.stream
            for v in profile.variables
            if v.stream is not None and profile.streams[v.stream].role != "carrier"
        }
        if len(heaters) != 1 or len(streams) + 1 != len(profile.variables):
            raise InputError(
                "a twin can simulate only a search space of one temperature and the flow rates of "
                "streams that are no carrier"
            )
        reagents = tuple(
            name for name, stream in streams.items() if profile.streams[stream].role == "reagent"
        )
        return cls.load(path, profile.space, heaters[0], streams, reagents)

    @classmethod
    def load(
        cls,
        path: Path,
        space: Space,
        heater: str,
        streams: Mapping[str, str],
        reagents: tuple[str, ...] = (),
    ) -> "TwinSynthesis":
        """Read a surrogate that `flowrig twin train` wrote.

        Raises:
            InputError: the file cannot be read, or its surrogate has other conditions or lacks a
                response.
        """
        saved = load_model(path, Plugins.discover())
        conditions, responses = (
            list(saved.notes.get(key, [])) for key in ("conditions", "responses")
        )
        if conditions != [[p.name, p.low, p.high] for p in space.parameters]:
            raise InputError(f"{path} is the twin of a rig with another search space")
        missing = [name for name in (ABSORBANCE, EMISSION) if name not in responses]
        if missing:
            raise InputError(f"{path} does not predict {', '.join(missing)}")
        columns = responses.index(ABSORBANCE), responses.index(EMISSION)
        return cls(saved.surrogate, columns, space, heater, streams, reagents)

    def product(self, parcel: Parcel) -> Product:
        """The product of one slice of liquid."""
        legs = parcel.heated_legs()
        if not legs:
            return cs3cu2i5(LEAST_ABSORBANCE, 0.0, 0.0)
        leg = max(legs, key=lambda one: one.seconds)
        reactive_ul_min = parcel.reactive_share * leg.flow_ul_min
        conditions = {
            name: parcel.shares[stream] * reactive_ul_min for name, stream in self.streams.items()
        }
        conditions[self.heater] = float(leg.temperature_c.mean())
        U = np.clip(self.space.to_unit(self.space.array([conditions])), 0.0, 1.0)
        inside = self.space.rows(self.space.from_unit(U))[0]
        least = sum(inside[name] for name in self.reagents)
        given = sum(conditions[name] for name in self.reagents)
        strength = min(given / least, 1.0) if least > 0.0 else 0.0
        mean = self.surrogate.predict(U).mean[0]
        absorbance, area = (float(mean[column]) for column in self.responses)
        if strength <= 0.0 or absorbance <= LEAST_ABSORBANCE:
            return cs3cu2i5(LEAST_ABSORBANCE, 0.0, 0.0)
        percent = max(area, 0.0) / dye_area(0.01, absorbance)
        return cs3cu2i5(strength * absorbance, percent, 0.0)
