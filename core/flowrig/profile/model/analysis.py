"""Settings from frames to features: calibration and channels."""

import math
from collections.abc import Iterable, Mapping
from typing import Literal

from attrs import evolve, field, frozen

from flowrig.plugins.offers import AnalysisOffer
from flowrig.profile.model.channels import (
    ABSORBANCE,
    EMISSION,
    Channel,
    How,
    Pick,
    SpectrumSettings,
    Window,
)
from flowrig.profile.model.features import Feature, Reading
from flowrig.profile.model.off_line import OffLine
from flowrig.profile.model.scans import Scan

__all__ = ["AbsorbanceAnalysis", "Analysis", "Calibration", "PhotoluminescenceAnalysis", "Window"]


@frozen(kw_only=True)
class Calibration:
    """Dark frames and lamp reference, which are taken when a run begins or is resumed.

    A rig whose analyses compare nothing with the lamp needs none.

    Attributes:
        flow_rates_ul_min: by stream, the flow rate [µL/min] that fills the flow cells with a
            transparent liquid.
        duration_s: duration [s] of that flow before the reference is taken.
        dark_frames: number of frames with the light source shut, which are averaged.
        reference_frames: number of frames with the light source open, which are averaged.
    """

    flow_rates_ul_min: Mapping[str, float]
    duration_s: float
    dark_frames: int = 20
    reference_frames: int = 20


@frozen(kw_only=True)
class AbsorbanceAnalysis:
    """Beer-Lambert absorbance from the frames of one spectrometer, in the older form of a channel.

    Attributes:
        spectrometer: name of the device.
        wavelength_nm: wavelength [nm] of the feature, which is named after it ("a300").
        baseline_window_nm: wavelengths [nm] at which the absorbance counts as zero.
    """

    spectrometer: str
    wavelength_nm: float
    baseline_window_nm: Window

    @property
    def feature(self) -> str:
        """Name of the absorbance feature, for instance "a300"."""
        return f"a{self.wavelength_nm:.0f}"


@frozen(kw_only=True)
class PhotoluminescenceAnalysis:
    """Photoluminescence from the frames of one spectrometer, in the older form of a channel.

    The features are "pli" (intensity at a wavelength), "pla" (area), and the position and width of
    the emission peak: "peak_nm", "peak_ev" and "fwhm_nm".

    Attributes:
        spectrometer: name of the device.
        peak_nm: wavelength [nm] of the feature "pli".
        area_window_nm: wavelengths [nm] of the feature "pla", and of the search for the peak.
        baseline_window_nm: wavelengths [nm] at which the emission counts as zero.
    """

    spectrometer: str
    peak_nm: float
    area_window_nm: Window
    baseline_window_nm: Window


@frozen(kw_only=True)
class Analysis:
    """Settings from raw frames to features.

    Attributes:
        frames: number of frames in a sample.
        frame_interval_s: time [s] from one frame to the next.
        dark_frames: number of frames with the light source shut before each sample, which are
            averaged.
        reactive_frames: number of frames that count as reactive phase where a channel does not say
            it: those with the lowest mean counts in `reactive_window_nm`; None for all frames.
        reactive_window_nm: wavelengths [nm] of these mean counts.
        pick: the frames that count in every channel that does not say it itself, in the words of a
            channel; instead of the two above.
        absorbance: a channel called "absorbance" and its feature, in the older form.
        photoluminescence: a channel called "photoluminescence" and its features, in the older form.
        channel_tables: the channels of `[analysis.channels]`, by name.
        repeatability_percent: by feature, the relative standard deviation [%] of repeated
            measurements at the same conditions, where it is known.
        off_line: the channels whose results are entered later, by name; in TOML beside the others.
    """

    frames: int
    frame_interval_s: float
    dark_frames: int = 10
    reactive_frames: int | None = None
    reactive_window_nm: Window | None = None
    pick: Pick | Literal["all"] | None = None
    absorbance: AbsorbanceAnalysis | None = None
    photoluminescence: PhotoluminescenceAnalysis | None = None
    channel_tables: Mapping[str, Channel] = field(factory=dict, metadata={"toml": "channels"})
    repeatability_percent: Mapping[str, float] = field(factory=dict)
    off_line: Mapping[str, OffLine] = field(factory=dict)

    @property
    def off_line_units(self) -> dict[str, str]:
        """Unit of everything that is entered once for an experiment, by CHANNEL.QUANTITY."""
        once = [one for one in self.off_line.values() if not one.series_s]
        return {name: unit for one in once for name, unit in one.units.items()}

    @property
    def stored(self) -> dict[str, OffLine]:
        """The channels that measure stored samples again and again, by name."""
        return {name: one for name, one in self.off_line.items() if one.series_s}

    @property
    def stored_units(self) -> dict[str, str]:
        """Unit of everything that is entered for an age of a stored sample, by CHANNEL.QUANTITY."""
        return {name: unit for one in self.stored.values() for name, unit in one.units.items()}

    @property
    def channels(self) -> dict[str, Channel]:
        """Every channel by name, with those of the older tables, absorbance first."""
        older: list[Channel] = []
        if self.absorbance is not None:
            one = self.absorbance
            older.append(self._older("absorbance", ABSORBANCE, one.spectrometer, one))
        if self.photoluminescence is not None:
            other = self.photoluminescence
            older.append(self._older("photoluminescence", EMISSION, other.spectrometer, other))
        newer = [
            one if one.pick is not None else evolve(one, pick=self._default_pick)
            for one in self.channel_tables.values()
        ]
        return {channel.name: channel for channel in (*older, *newer)}

    @property
    def _default_pick(self) -> Pick | Literal["all"]:
        if self.pick is not None:
            return self.pick
        if self.reactive_frames is None or self.reactive_window_nm is None:
            return "all"
        return Pick(frames=self.reactive_frames, darkest_nm=self.reactive_window_nm)

    def _older(
        self,
        name: str,
        offer: AnalysisOffer,
        device: str,
        settings: AbsorbanceAnalysis | PhotoluminescenceAnalysis,
    ) -> Channel:
        return Channel(
            name=name,
            offer=offer,
            settings=SpectrumSettings(baseline_nm=settings.baseline_window_nm),
            device=device,
            pick=self._default_pick,
            path=("analysis", name),
        )

    def with_picks(self, share: float) -> "Analysis":
        """The same with a share of the frames that count as reactive, at least one a channel.

        Detectors with `own_frames` keep them.
        """

        def fewer(count: int) -> int:
            return max(round(count * share), 1)

        own = self.own_frames
        return evolve(
            self,
            reactive_frames=None if self.reactive_frames is None else fewer(self.reactive_frames),
            pick=self.pick
            if self.pick is None or self.pick == "all"
            else evolve(self.pick, frames=fewer(self.pick.frames)),
            channel_tables={
                name: one
                if one.picked is None or one.device in own
                else evolve(one, pick=evolve(one.picked, frames=fewer(one.picked.frames)))
                for name, one in self.channel_tables.items()
            },
        )

    @property
    def devices(self) -> tuple[str, ...]:
        """Detectors of all channels, each once."""
        return tuple(dict.fromkeys(channel.device for channel in self.channels.values()))

    @property
    def own_frames(self) -> dict[str, tuple[int, float]]:
        """Number of frames, and interval [s], of the detectors whose channels say it themselves."""
        found: dict[str, tuple[int, float]] = {}
        for one in self.channel_tables.values():
            if (one.frames, one.frame_interval_s) == (None, None):
                continue
            frames = self.frames if one.frames is None else one.frames
            interval_s = self.frame_interval_s
            if one.frame_interval_s is not None:
                interval_s = one.frame_interval_s
            found.setdefault(one.device, (frames, interval_s))
        return found

    @property
    def scans(self) -> dict[str, Scan]:
        """By detector that scans, its scan."""
        channels = self.channel_tables.values()
        return {one.device: one.scan for one in channels if one.scan is not None}

    def frames_of(self, device: str) -> int:
        """Number of frames in a sample of a detector."""
        return self.own_frames.get(device, (self.frames, 0.0))[0]

    @property
    def lit(self) -> tuple[str, ...]:
        """Detectors of which the lamp reference is taken: those that see wavelengths."""
        offers = {one.device: one.offer for one in self.channels.values()}
        seen = {n for n, one in offers.items() if one.needs_light or "nm" in one.detector_units}
        return tuple(name for name in self.devices if name in seen)

    @property
    def shuttered(self) -> tuple[str, ...]:
        """Detectors whose light is shut for a dark."""
        wanted = {one.device for one in self.channels.values() if one.dark == "shutter"}
        return tuple(name for name in self.devices if name in wanted)

    @property
    def needs_light(self) -> bool:
        """Whether a channel compares the sample with the light through something transparent."""
        return any(channel.offer.needs_light for channel in self.channels.values())

    @property
    def table_features(self) -> tuple[Feature, ...]:
        """The features of the older tables."""
        found: list[Feature] = []
        if self.absorbance is not None:
            at_nm = self.absorbance.wavelength_nm
            reading = Reading("absorbance", "at", (at_nm, at_nm))
            key = ("analysis", "absorbance", "wavelength")
            found.append(
                Feature(name=self.absorbance.feature, unit="", key=key, readings=(reading,))
            )
        if self.photoluminescence is not None:
            found += _emission_features(self.photoluminescence)
        return tuple(found)

    def rsd(self, features: Iterable[str]) -> tuple[float, ...]:
        """Repeatability of features as fractions; nan where it is not known."""
        return tuple(self.repeatability_percent.get(name, math.nan) / 100.0 for name in features)


def _emission_features(settings: PhotoluminescenceAnalysis) -> list[Feature]:
    here = ("analysis", "photoluminescence")
    window, at = settings.area_window_nm, (settings.peak_nm, settings.peak_nm)
    return [
        Feature(
            name=name,
            unit=unit,
            readings=(Reading("photoluminescence", how, at if how == "at" else window),),
            key=(*here, "peak" if how == "at" else "area_window"),
        )
        for name, how, unit in _EMISSION_FEATURES
    ]


_EMISSION_FEATURES: tuple[tuple[str, How, str], ...] = (
    ("pli", "at", "counts"),
    ("pla", "area", "counts·nm"),
    ("peak_nm", "peak", "nm"),
    ("peak_ev", "energy", "eV"),
    ("fwhm_nm", "fwhm", "nm"),
)
