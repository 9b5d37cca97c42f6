"""Hooks that a plugin implements to register its offers."""

from collections.abc import Sequence
from pathlib import Path

import pluggy

from flowrig.plugins.offers import AnalysisOffer, DriverOffer, KindOffer, Offer, PaperOffer

hookspec = pluggy.HookspecMarker("flowrig")
hookimpl = pluggy.HookimplMarker("flowrig")


@hookspec
def flowrig_drivers() -> Sequence[DriverOffer]:  # type: ignore[empty-body]
    """Drivers of devices, each with an emulator of its protocol, if there is one."""


@hookspec
def flowrig_kinds() -> Sequence[KindOffer]:  # type: ignore[empty-body]
    """Kinds of devices beside pumps, heaters and spectrometers."""


@hookspec
def flowrig_optimizers() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Optimizers that a campaign's stages can name."""


@hookspec
def flowrig_surrogates() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Surrogate models that a campaign can name."""


@hookspec
def flowrig_objectives() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Objectives that a profile can name."""


@hookspec
def flowrig_analyses() -> Sequence[AnalysisOffer]:  # type: ignore[empty-body]
    """Ways to look at a sample that a channel of a profile can name."""


@hookspec
def flowrig_studies() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Studies that a campaign's stages can name."""


@hookspec
def flowrig_quality() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Checks of measured samples that a profile can name under `[quality.NAME]`."""


@hookspec
def flowrig_gallery() -> Sequence[PaperOffer]:  # type: ignore[empty-body]
    """Papers that `flowrig gallery` runs again, with their figures."""


@hookspec
def flowrig_views() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Live views of runs that `flowrig watch` serves."""


@hookspec
def flowrig_observers() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Observers that tell people what happens in a run, which `--notify FILE` can name."""


@hookspec
def flowrig_worlds() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Physical worlds for the emulators of a simulated rig."""


@hookspec
def flowrig_chemistries() -> Sequence[Offer]:  # type: ignore[empty-body]
    """Chemistries that the simulation of a rig can name."""


@hookspec
def flowrig_profiles() -> Sequence[Path]:  # type: ignore[empty-body]
    """Folders with profiles and campaigns that can be named without a path."""
