"""A third party's kind of detector, its driver and its analysis: ions by mass over charge."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from attrs import frozen

from flowrig.emulation import Emulator, EmulatorContext, Place
from flowrig.interfaces import Analysis, Detecting, Device, DeviceSettings, Identity, Looked
from flowrig.plugins import AnalysisOffer, DriverOffer, KindOffer, hookimpl

__all__ = ["IonCounter", "IonPlugin"]


class IonCounter(Device, Detecting):
    """A kind whose frames are counts by mass over charge."""

    axis_unit = "m/z"
    saturation_counts = 1e6


class IonBody:
    """Ions of what passes: a line at 300 m/z as strong as the sample absorbs."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.faults: dict[str, Any] = {}

    def spectrum(self) -> Any:
        seen = self.place.glimpse(0.1)
        product = seen.product
        strength = 0.0 if product is None else sum(one.absorbance for one in product.absorbers)
        ions = 1e4 * strength * seen.reactive * np.exp(-np.square(np.arange(60) - 30.0) / 4.0)
        noise = 0.0 if self.place.rng is None else self.place.rng.standard_normal(60)
        return ions + 5.0 + noise


class IonDriver(IonCounter):
    """It reads the body of this process, for want of a wire."""

    bodies: ClassVar[dict[str, IonBody]] = {}

    def _do_open(self) -> None:
        self.body = self.bodies[self.settings.address]

    def _do_close(self) -> None:
        pass

    def _do_identify(self) -> Identity:
        return Identity("Acme", "Ions")

    def _do_axis(self) -> Any:
        return 270.0 + np.arange(60.0)

    def _do_acquire_frame(self) -> Any:
        return self.body.spectrum()


class IonEmulator(Emulator):
    """It has no protocol of its own."""

    def __init__(self, context: EmulatorContext) -> None:
        super().__init__(context)
        IonDriver.bodies[context.device] = context.world.body(context.device)

    def start(self) -> str:
        return self.context.device

    def stop(self) -> None:
        pass


@frozen(kw_only=True)
class IonSettings:
    """Mass over charge of the line."""

    line: float = 300.0


class Ions(Analysis):
    """Mean counts, and those of a line."""

    def __init__(self, settings: IonSettings) -> None:
        self._line = settings.line

    def reduce(self, frames: Any, axis: Any, dark: Any, light: Any) -> Looked:
        mean = frames.mean(axis=0)
        return Looked(axis, mean, {"line": float(mean[np.argmin(np.abs(axis - self._line))])})


class IonPlugin:
    """What the third party offers."""

    @hookimpl
    def flowrig_kinds(self) -> Sequence[KindOffer]:
        return [
            KindOffer(
                name="ion_counter",
                interface=f"{__name__}:IonCounter",
                placed=True,
                body=f"{__name__}:IonBody",
            )
        ]

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [
            DriverOffer(
                kind="ion_counter",
                name="acme-ions",
                target=f"{__name__}:IonDriver",
                settings=DeviceSettings,
                emulator=f"{__name__}:IonEmulator",
            )
        ]

    @hookimpl
    def flowrig_analyses(self) -> Sequence[AnalysisOffer]:
        return [
            AnalysisOffer(
                kind="analysis",
                name="ions",
                target=f"{__name__}:Ions",
                settings=IonSettings,
                axis_unit="m/z",
                detector_units=("m/z",),
                takes_all=True,
                dark="none",
                quantities={"line": "counts"},
            )
        ]
