"""A synthesis whose product a digital twin predicts, in place of a published formulation."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.learning.model_file import load_model
from flowrig.plugins.registry import Plugins
from flowrig.problem.space import Space
from flowrig_sim.chemistry.formulations import emission_area
from flowrig_sim.chemistry.synthesis import Product

__all__ = ["TwinSynthesis"]

ABSORBANCE, EMISSION = "a300", "pla"
LEAST_ABSORBANCE = 1e-3
"""Absorbance below which the product counts as invisible: no yield can be computed from it."""


@frozen(eq=False)
class TwinSynthesis:
    """Predictions of a saved surrogate at the conditions of the liquid in the reactor.

    Outside the space of its training data, conditions are moved to the border of the space. A
    mixture with less reagent than the mixture at the border counts as a dilution of it.

    Attributes:
        surrogate: predicts absorbance at 300 nm and photoluminescence area [counts·nm].
        responses: column of the absorbance and column of the area in its predictions.
        space: the space of the training data.
        heater: name of the condition that is the temperature [°C] of the plate; the other
            conditions are flow rates [µL/min].
        streams: position of the stream behind each flow rate, by name of the condition: 0 to 2 for
            the stock solutions, 3 for the solvent.
    """

    surrogate: Surrogate
    responses: tuple[int, int]
    space: Space
    heater: str
    streams: Mapping[str, int]

    @classmethod
    def load(
        cls, path: Path, space: Space, heater: str, streams: Mapping[str, int]
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
        return cls(saved.surrogate, columns, space, heater, streams)

    def product(
        self,
        stock_shares: tuple[float, float, float],
        reactive_share: float,
        total_flow_ul_min: float,
        plate_c: NDArray[np.float64],
        residence_time_s: float,
    ) -> Product:
        """The product of one slice of liquid; see `flowrig_sim.chemistry.synthesis.Synthesis`."""
        reactive_ul_min = reactive_share * total_flow_ul_min
        flows = [share * reactive_ul_min for share in stock_shares]
        flows.append(reactive_ul_min - sum(flows))
        conditions = {name: flows[position] for name, position in self.streams.items()}
        conditions[self.heater] = float(plate_c.mean())
        U = np.clip(self.space.to_unit(self.space.array([conditions])), 0.0, 1.0)
        inside = self.space.rows(self.space.from_unit(U))[0]
        reagents = [n for n, position in self.streams.items() if position < len(stock_shares)]
        least = sum(inside[name] for name in reagents)
        strength = min(sum(conditions[n] for n in reagents) / least, 1.0) if least > 0.0 else 0.0
        mean = self.surrogate.predict(U).mean[0]
        absorbance, area = (float(mean[column]) for column in self.responses)
        if strength <= 0.0 or absorbance <= LEAST_ABSORBANCE:
            return Product(LEAST_ABSORBANCE, 0.0, 0.0)
        percent = max(area, 0.0) / emission_area(1.0, absorbance)
        return Product(strength * absorbance, percent, 0.0)
