"""What passes a detector of a kind that a plugin offers: product, phases, and their places."""

import math
from bisect import bisect_right

import numpy as np

from flowrig.emulation import Glimpse
from flowrig_sim.flow.flowpath import FlowCell
from flowrig_sim.flow.slugs import JITTER, SlugTrain, slug_length_in_diameters
from flowrig_sim.instruments import FluidAccess
from flowrig_sim.noise import generator

__all__ = ["PassingSlugs", "View"]

KEPT_MM = 1_000.0
"""Length of tubing [mm] in which slugs are remembered, for detectors along it (assumed)."""
SHORTEST_PERIOD = 0.3
"""Shortest period of slug and carrier, as a share of the mean one (assumed)."""


class PassingSlugs:
    """Slugs one after the other, each with a place of its own, for detectors that follow them.

    Slugs are as long as in `flowrig_sim.flow.slugs`, with irregular periods. They keep their places
    in the liquid that has flowed, so that what passes one point passes the next one later.

    Args:
        junction_bore_mm: bore [mm] of the segmentation junction, which sets the slug length.
        bore_mm: bore [mm] where the detector looks.
        rng: source of the irregular periods.
    """

    def __init__(self, junction_bore_mm: float, bore_mm: float, rng: np.random.Generator) -> None:
        self._area_mm2 = math.pi / 4 * bore_mm**2
        self._slug_ul_per_length = math.pi / 4 * junction_bore_mm**3
        self._rng = rng
        self._edges_ul: list[float] = []
        self._end_ul = 0.0

    def reactive_at(self, total_ul: float, reactive_share: float, distance_mm: float) -> float:
        """Whether there is reactive phase at a distance downstream, 1 or 0.

        Args:
            total_ul: total volume [µL] that has flowed since the world began.
            reactive_share: share of the reactive phase in the flow, 0 to 1.
            distance_mm: distance [mm] downstream.
        """
        if not 0.0 < reactive_share < 1.0:
            self._end_ul = max(self._end_ul, total_ul)
            return reactive_share
        self._make(total_ul, reactive_share)
        place_ul = total_ul - self._area_mm2 * distance_mm
        return float(bisect_right(self._edges_ul, place_ul) % 2)

    def _make(self, until_ul: float, share: float) -> None:
        """Make slugs up to a place, and forget those that are far downstream."""
        slug_ul = self._slug_ul_per_length * slug_length_in_diameters(share)
        kept_ul = until_ul - KEPT_MM * self._area_mm2
        self._end_ul = max(self._end_ul, kept_ul)
        while self._end_ul <= until_ul:
            factor = max(1.0 + JITTER * float(self._rng.standard_normal()), SHORTEST_PERIOD)
            self._edges_ul += [self._end_ul, self._end_ul + slug_ul * factor]
            self._end_ul += slug_ul / share * factor
        forgotten = bisect_right(self._edges_ul, kept_ul) // 2 * 2
        del self._edges_ul[:forgotten]


class View:
    """What a detector sees at its place.

    Args:
        name: name of the detector; its slugs have noise of their own.
        cell: where it looks.
        seed: seed of the world.
        access: the fluid state.

    Attributes:
        rng: source of the noise of the detector.
    """

    def __init__(self, name: str, cell: FlowCell, seed: int, access: FluidAccess) -> None:
        self.rng = generator(seed, f"body of {name}")
        self._cell = cell
        self._access = access
        junction_mm = cell.stretch.slug_bore_mm
        self._train = SlugTrain(junction_mm, cell.bore_mm, generator(seed, f"plugs at {name}"))
        rng = generator(seed, f"passing slugs at {name}")
        self._slugs = PassingSlugs(junction_mm, cell.bore_mm, rng)

    def glimpse(self, seconds: float) -> Glimpse:
        """See `flowrig.emulation.Place.glimpse`."""
        with self._access.now() as now_s:
            content = self._access.fluid.content(self._cell, now_s)
            reactive = self._train.reactive_fraction(
                content.total_ul, content.reactive_share, content.flow_ul_min, seconds
            )
        return Glimpse(product=content.product, reactive=reactive, light_path_mm=self._cell.bore_mm)

    def reactive_at(self, distance_mm: float) -> float:
        """See `flowrig.emulation.Place.reactive_at`."""
        with self._access.now() as now_s:
            content = self._access.fluid.content(self._cell, now_s)
            return self._slugs.reactive_at(content.total_ul, content.reactive_share, distance_mm)
