"""A synthesis that was learnt from measurements: a digital twin in the reactor."""

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
from flowrig_sim.chemistry import emission_area
from flowrig_sim.synthesis import Product

__all__ = ["LearntSynthesis"]

ABSORBANCE, EMISSION = "a300", "pla"
LEAST_ABSORBANCE = 1e-3
"""Absorbance below which there is nothing to see."""


@frozen(eq=False)
class LearntSynthesis:
    """What a saved surrogate expects, at the conditions that what is in the reactor came from.

    Outside the space that the surrogate learnt in, conditions count as those at its border, and
    less reagent than there as a dilution.

    Attributes:
        surrogate: predicts absorbance at 300 nm and PL area.
        responses: their columns, in this order.
        space: the conditions that it learnt from.
        heater: which of them is the plate's temperature [°C]; the others are flow rates [µL/min].
        streams: by name of a condition, the place of its stream: 0 to 2 for the stock solutions,
            3 for the solvent.
    """

    surrogate: Surrogate
    responses: tuple[int, int]
    space: Space
    heater: str
    streams: Mapping[str, int]

    @classmethod
    def load(
        cls, path: Path, space: Space, heater: str, streams: Mapping[str, int]
    ) -> "LearntSynthesis":
        """Read a surrogate that `flowrig twin train` has saved.

        Raises:
            InputError: the file cannot be read, or its surrogate learnt other conditions or
                responses.
        """
        saved = load_model(path, Plugins.discover())
        conditions, responses = (
            list(saved.notes.get(key, [])) for key in ("conditions", "responses")
        )
        if conditions != [[p.name, p.low, p.high] for p in space.parameters]:
            raise InputError(f"{path} is the twin of a rig with another search space")
        missing = [name for name in (ABSORBANCE, EMISSION) if name not in responses]
        if missing:
            raise InputError(f"{path} does not know {', '.join(missing)}")
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
        """What comes out; see `flowrig_sim.synthesis.Synthesis.product`."""
        reactive_ul_min = reactive_share * total_flow_ul_min
        flows = [share * reactive_ul_min for share in stock_shares]
        flows.append(reactive_ul_min - sum(flows))
        wanted = {name: flows[place] for name, place in self.streams.items()}
        wanted[self.heater] = float(plate_c.mean())
        U = np.clip(self.space.to_unit(self.space.array([wanted])), 0.0, 1.0)
        known = self.space.rows(self.space.from_unit(U))[0]
        least = sum(
            known[name] for name, place in self.streams.items() if place < len(stock_shares)
        )
        there = sum(
            wanted[name] for name, place in self.streams.items() if place < len(stock_shares)
        )
        strength = min(there / least, 1.0) if least > 0.0 else 0.0
        mean = self.surrogate.predict(U).mean[0]
        absorbance, area = (float(mean[column]) for column in self.responses)
        if strength <= 0.0 or absorbance <= LEAST_ABSORBANCE:
            return Product(LEAST_ABSORBANCE, 0.0, 0.0)
        percent = max(area, 0.0) / emission_area(1.0, absorbance)
        return Product(strength * absorbance, percent, 0.0)
