"""Numbers that features read from spectra, and compute from each other."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen

from flowrig.interfaces.device import Quality
from flowrig.measurement.emission_peak import Peak, find_peak, photon_energy_ev
from flowrig.measurement.sample import Flag, Spectrum
from flowrig.measurement.spectra import area, interpolate_at, window_slice
from flowrig.profile.model import Channel, Feature, Reading

__all__ = ["lacking", "read_features"]


def read_features(
    features: Sequence[Feature],
    channels: Mapping[str, Channel],
    spectra: Mapping[str, Spectrum],
    quantities: Mapping[str, float],
) -> tuple[dict[str, float], list[Flag]]:
    """Values of features, and flags of those that have none.

    Args:
        features: they may use each other, in any order.
        channels: by name.
        spectra: by channel.
        quantities: numbers of the analyses, by "CHANNEL.QUANTITY".

    Returns:
        values by name, nan where there is none; flags, GOOD where a value may be missing.
    """
    reader = _Reader(channels, spectra)
    known: dict[str, Any] = {name: name for name in channels} | dict(quantities)
    for feature in _in_order(features):
        known[feature.name] = _finite(reader.value(feature, known))
    values = {feature.name: float(known[feature.name]) for feature in features}
    missing = [
        Flag(
            Quality.GOOD if one.may_lack else Quality.BAD,
            lacking(one.name),
            one.only.channel if one.only is not None else "",
        )
        for one in features
        if not math.isfinite(values[one.name]) and not one.is_shape
    ]
    return values, [*missing, *reader.shapeless()]


def lacking(feature: str) -> str:
    """What the flag of a feature without a value says."""
    return f"{feature} has no finite value"


def _in_order(features: Sequence[Feature]) -> Iterator[Feature]:
    """The same features, each behind those that it uses."""
    waiting = {feature.name: feature for feature in features}
    while waiting:
        for name, feature in list(waiting.items()):
            used = () if feature.expression is None else feature.expression.expression.names
            if not any(one in waiting for one in used):
                yield waiting.pop(name)


def _finite(value: Any) -> float:
    """A value, or nan for one that is infinite."""
    return float(value) if math.isfinite(value) else math.nan


@frozen
class _Reader:
    """Reads spectra; the band of a window is looked for once.

    Attributes:
        channels: by name.
        spectra: by channel.
        bands: the highest band by channel and window [nm]; None where there is none.
    """

    channels: Mapping[str, Channel]
    spectra: Mapping[str, Spectrum]
    bands: dict[Reading, Peak | None] = field(factory=dict)

    def value(self, feature: Feature, known: Mapping[str, Any]) -> Any:
        """The value of a feature.

        Args:
            feature: the feature.
            known: by name, the numbers that it may use; the value of a channel is its name.
        """
        if feature.expression is not None:
            return feature.expression.evaluate(known, self._functions)
        if not feature.readings:  # the objective has computed it
            return known.get(feature.name, math.nan)
        reading = feature.readings[0]
        low, high = reading.window_nm
        lengths = (low,) if reading.how == "at" else (low, high)
        return self._functions[reading.how](reading.channel, *lengths)

    @property
    def _functions(self) -> Mapping[str, Callable[..., float]]:
        return {
            "at": self._at,
            "area": self._area,
            "peak": self._peak_nm,
            "energy": self._energy_ev,
            "fwhm": self._fwhm_nm,
        }

    def _at(self, channel: str, place: float) -> float:
        spectrum = self.spectra[channel]
        if self._is_beyond(channel, place, place):
            return math.nan
        return interpolate_at(spectrum.values, spectrum.wavelengths_nm, place)

    def _area(self, channel: str, low: float, high: float) -> float:
        spectrum = self.spectra[channel]
        if self._is_beyond(channel, low, high):
            return math.nan
        return area(spectrum.values, spectrum.wavelengths_nm, (low, high))

    def _is_beyond(self, channel: str, low: float, high: float) -> bool:
        """Whether an analysis gave a spectrum over an axis that does not reach places on it.

        Wavelengths are checked before a run, against the detector.
        """
        axis = self.spectra[channel].wavelengths_nm
        is_light = self.channels[channel].offer.axis_unit == "nm"
        return not is_light and not axis[0] <= low <= high <= axis[-1]

    def _peak_nm(self, *where: Any) -> float:
        peak = self._band(*where)
        return math.nan if peak is None else peak.wavelength_nm

    def _energy_ev(self, *where: Any) -> float:
        peak = self._band(*where)
        return math.nan if peak is None else photon_energy_ev(peak.wavelength_nm)

    def _fwhm_nm(self, *where: Any) -> float:
        peak = self._band(*where)
        return math.nan if peak is None else peak.fwhm_nm

    def _band(self, channel: str, low_nm: float, high_nm: float) -> Peak | None:
        key = Reading(channel, "peak", (low_nm, high_nm))
        if key not in self.bands:
            spectrum = self.spectra[channel]
            window = window_slice(spectrum.wavelengths_nm, key.window_nm)
            self.bands[key] = find_peak(spectrum.values[window], spectrum.wavelengths_nm[window])
        return self.bands[key]

    def shapeless(self) -> Iterable[Flag]:
        """Flags of bands that are not there or not whole; a fault if the objective needs one."""
        for key, peak in self.bands.items():
            device = self.channels[key.channel].device
            where = "{:g} to {:g} nm".format(*key.window_nm)
            if peak is None:
                yield Flag(Quality.GOOD, f"{device}: no emission peak in {where}")
            elif not np.isfinite(peak.fwhm_nm):
                words = f"{device}: the emission does not fall to half its height in {where}"
                yield Flag(Quality.GOOD, words)
