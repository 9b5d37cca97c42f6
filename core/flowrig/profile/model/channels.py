"""Channels of analysis, and the analyses that flowrig ships."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import field, frozen

from flowrig.plugins.offers import AnalysisOffer
from flowrig.profile.model.scans import Scan
from flowrig.profile.problems import Path

__all__ = [
    "ABSORBANCE",
    "EMISSION",
    "Channel",
    "Dark",
    "How",
    "Pick",
    "SpectrumSettings",
    "Window",
]

Window = tuple[float, float]
"""Lower and upper bound of a quantity, in the unit of its field."""

Dark = Literal["shutter", "stored", "none"]

How = Literal["at", "area", "peak", "energy", "fwhm"]


@frozen(kw_only=True)
class SpectrumSettings:
    """Settings of the shipped analyses.

    Attributes:
        baseline_nm: wavelengths [nm] at which the spectrum counts as zero; None if nothing is
            subtracted.
    """

    baseline_nm: Window | None = None


ABSORBANCE: Final = AnalysisOffer(
    kind="analysis",
    name="absorbance",
    target="flowrig.measurement.analyses:Absorbance",
    settings=SpectrumSettings,
    summary="decadic absorbance, from the light that passes the sample",
    unit="",
    needs_light=True,
)
EMISSION: Final = AnalysisOffer(
    kind="analysis",
    name="emission",
    target="flowrig.measurement.analyses:Emission",
    settings=SpectrumSettings,
    summary="light that the sample emits, in counts",
)


@frozen(kw_only=True)
class Pick:
    """Which frames of a sample show the reactive phase.

    Attributes:
        frames: how many.
        darkest_nm: wavelengths [nm] in which these frames have the lowest mean counts.
        brightest_nm: wavelengths [nm] in which they have the highest mean counts; one of both is
            given.
    """

    frames: int
    darkest_nm: Window | None = None
    brightest_nm: Window | None = None

    @property
    def window_nm(self) -> Window:
        """Wavelengths [nm] in which frames are compared."""
        window = self.darkest_nm or self.brightest_nm
        assert window is not None
        return window


@frozen(kw_only=True)
class Channel:
    """One way to look at a sample.

    Attributes:
        name: name in the profile, of its spectrum in journal and exports.
        offer: the offer of its analysis.
        settings: an instance of the settings class of the analysis.
        device: the spectrometer, or another device that takes frames.
        dark: "shutter": the dark is taken with the light shut, before every sample; "stored": the
            dark is `stored_dark`; "none": there is no dark. flowrig switches the light only for
            "shutter".
        stored_dark: counts of every pixel without light, taken before the profile was written.
        pick: which frames show the reactive phase, or "all"; None as `[analysis]` says for all
            channels, which `Analysis.channels` puts in its place.
        frames: number of frames in a sample; None as `[analysis]` says.
        frame_interval_s: time [s] from one frame to the next; None as `[analysis]` says.
        path: path of its table in the profile.
        scan: the positions at which it takes frames; None for one place.
    """

    name: str
    offer: AnalysisOffer
    settings: Any
    device: str
    dark: Dark = "shutter"
    stored_dark: tuple[float, ...] = field(default=(), repr=False)
    pick: Pick | Literal["all"] | None = None
    frames: int | None = None
    frame_interval_s: float | None = None
    path: Path = ()
    scan: Scan | None = None

    @property
    def picked(self) -> Pick | None:
        """Which frames show the reactive phase; None for all of them."""
        return self.pick if isinstance(self.pick, Pick) else None

    @property
    def baseline_nm(self) -> Window | None:
        """Wavelengths [nm] at which its spectrum counts as zero, if its analysis has such a key."""
        found: Window | None = getattr(self.settings, "baseline_nm", None)
        return found

    def __str__(self) -> str:
        """What it does, for people: "emission by hdx_pl, all frames, no dark"."""
        frames = "all frames"
        if self.picked is not None:
            low, high = self.picked.window_nm
            which = "darkest" if self.picked.darkest_nm else "brightest"
            frames = f"the {self.picked.frames} {which} frames from {low:g} to {high:g} nm"
        dark = {"shutter": "dark with the light shut", "stored": "stored dark"}
        taken = dark.get(self.dark, "no dark")
        told = f"{self.offer.name} by {self.device}, {frames}, {taken}"
        if self.scan is None:
            return told
        return f"{told}, at each of {self.scan.count} positions of {self.scan.device}"

    def key(self, name: str) -> Path:
        """Path of one of its keys in the profile, also in a table of the older form."""
        return (*self.path, _OLDER.get(name, name) if self.path[-2:-1] == ("analysis",) else name)


_OLDER: Mapping[str, str] = {"device": "spectrometer", "baseline": "baseline_window"}
"""Keys of channels in `[analysis.absorbance]` and `[analysis.photoluminescence]`."""
