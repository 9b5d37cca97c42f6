"""Exposures of a detector at a flow cell, one by one or many at once."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig_sim.disturbances import Disturbances
from flowrig_sim.flow.flowpath import FlowCell
from flowrig_sim.flow.slugs import SlugTrain
from flowrig_sim.fluid_state import CellContent, FluidState
from flowrig_sim.optics.detector import PIXELS, Detector
from flowrig_sim.optics.spectra import View

__all__ = ["Exposures", "Mark", "Optics", "Scene"]

BUBBLE_SHARE = 0.3
"""Fraction of the light that passes a bubble in the cell (assumed)."""
AT_ONCE = 16
"""Frames whose light is computed at once: they fit into the cache of a processor."""


class Optics(Protocol):
    """The light path from the source through a flow cell to a detector."""

    def counts(self, views: Sequence[View], exposure_us: float) -> NDArray[np.float32]:
        """Expected counts above dark, shape `n x p`.

        Args:
            views: what is seen in each of `n` exposures; their spectra differ in nothing but their
                heights.
            exposure_us: integration time [µs].
        """
        ...


@frozen
class Scene:
    """What can change exposures, besides liquid and time.

    Attributes:
        integration_time_us: integration time [µs].
        is_lit: whether the light source is open.
        has_bubble: whether a bubble sits in the cell.
        lacks_slugs: whether nothing but carrier arrives.
    """

    integration_time_us: int
    is_lit: bool = True
    has_bubble: bool = False
    lacks_slugs: bool = False


@frozen
class Mark:
    """Where random draws and slugs stand before some exposures, and after each of them."""

    detector: Any
    train: Any
    places: Sequence[tuple[float, float]]


class Exposures:
    """Counts of a detector at a flow cell, or in darkness if it is at none.

    Args:
        cell: the flow cell.
        train: the slugs that pass it.
        optics: the light path.
        detector: the detector.
        disturbances: drift of the rig.
        fluid: the fluid state of the world.
    """

    def __init__(
        self,
        cell: FlowCell | None,
        train: SlugTrain,
        optics: Optics,
        *,
        detector: Detector,
        disturbances: Disturbances,
        fluid: FluidState,
    ) -> None:
        self._cell = cell
        self._train = train
        self._optics = optics
        self._detector = detector
        self._disturbances = disturbances
        self._fluid = fluid

    def now(self, time_s: float, scene: Scene) -> NDArray[np.uint16]:
        """Counts of an exposure that begins now, shape `n_pixels`.

        Args:
            time_s: rig time [s], to which the fluid state was advanced.
            scene: light and integration time.
        """
        seen = () if self._cell is None else (self._fluid.content(self._cell, time_s),)
        return np.asarray(self._read((time_s,), seen, scene)[0][0])

    def ahead(self, times_s: Sequence[float], scene: Scene) -> tuple[NDArray[np.uint16], Mark]:
        """Exposures from now on, as `now` will give them if nothing changes until then.

        Args:
            times_s: rig times [s] at which they begin, in ascending order; the fluid state was
                advanced to the first of them.
            scene: light and integration time.

        Returns:
            counts, shape `n x n_pixels`, and what `rewind` needs.
        """
        before = self._detector.mark(), self._train.mark()
        seen = () if self._cell is None else self._fluid.contents(self._cell, times_s)
        counts, places = self._read(times_s, seen, scene)
        return counts, Mark(*before, places)

    def rewind(self, mark: Mark, taken: int) -> None:
        """Leave random draws and slugs as after the first exposures of `ahead`.

        Args:
            mark: from `ahead`.
            taken: number of exposures that remain valid, at least 1.
        """
        self._detector.rewind(mark.detector, taken)
        if mark.places:
            self._train.rewind(mark.train, taken, mark.places[taken - 1])

    def _read(
        self, times_s: Sequence[float], seen: Sequence[CellContent], scene: Scene
    ) -> tuple[NDArray[np.uint16], list[tuple[float, float]]]:
        """Counts of exposures, and the place of the slugs after each."""
        counts = np.empty((len(times_s), PIXELS), np.uint16)
        exposure_s, places = scene.integration_time_us * 1e-6, []
        reactive = []
        for one in seen:
            reactive.append(
                self._train.reactive_fraction(
                    one.total_ul, one.reactive_share, one.flow_ul_min, exposure_s
                )
            )
            places.append(self._train.place)
        if not (seen and scene.is_lit):
            self._detector.read_into(counts, None)
            return counts, places
        views = self._views(times_s, seen, reactive, scene)
        first = 0
        while first < len(views):
            end = _end_of_alike(views, first)
            light = self._optics.counts(views[first:end], scene.integration_time_us)
            if scene.has_bubble:
                light = light * np.float32(BUBBLE_SHARE)
            self._detector.read_into(counts[first:end], light)
            first = end
        return counts, places

    def _views(
        self,
        times_s: Sequence[float],
        seen: Sequence[CellContent],
        reactive: Sequence[float],
        scene: Scene,
    ) -> list[View]:
        hidden = scene.has_bubble or scene.lacks_slugs
        return [
            View(
                None if hidden else one.product,
                self._disturbances.at(time_s),
                max(share, 0.0),
            )
            for time_s, one, share in zip(times_s, seen, reactive, strict=True)
        ]


def _end_of_alike(views: Sequence[View], first: int) -> int:
    """End of the views from one on that can be computed at once."""
    end, last, shapes = first + 1, min(len(views), first + AT_ONCE), views[first].shapes
    while end < last and views[end].shapes == shapes:
        end += 1
    return end
