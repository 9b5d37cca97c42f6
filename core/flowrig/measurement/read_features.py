"""Numbers that features read from spectra, and compute from each other."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.interfaces.device import Quality
from flowrig.measurement.emission_peak import Peak, find_peak, photon_energy_ev
from flowrig.measurement.sample import Flag, Spectrum
from flowrig.measurement.scans import OF_SERIES
from flowrig.measurement.spectra import area, interpolate_at, window_slice
from flowrig.profile.model import Channel, Feature, Reading

__all__ = ["ReadFeatures", "lacking", "read_features"]

Array = NDArray[np.float64]


@frozen(eq=False)
class ReadFeatures:
    """What features are in one experiment.

    Attributes:
        values: of features that are numbers, by name; nan where there is none.
        series: of the others, by name, each of shape `positions`; nan where there is none.
        flags: of features without a value; GOOD where a value may be missing.
    """

    values: dict[str, float]
    series: "dict[str, Array]"
    flags: list[Flag]


def read_features(
    features: Sequence[Feature],
    channels: Mapping[str, Channel],
    spectra: Mapping[str, Spectrum],
    quantities: Mapping[str, Any],
    scans: Mapping[str, tuple[Spectrum, ...]] | None = None,
) -> ReadFeatures:
    """Values of features, and flags of those that have none.

    Args:
        features: they may use each other, in any order.
        channels: by name.
        spectra: by channel.
        quantities: numbers of the analyses, by "CHANNEL.QUANTITY"; an array for one that scans.
        scans: by channel that scans, its spectrum at each position.
    """
    reader = _Reader(channels, spectra, scans or {})
    known: dict[str, Any] = {name: name for name in channels} | dict(quantities)
    series: dict[str, Array] = {}
    for feature in _in_order(features):
        value = reader.value(feature, known)
        if feature.is_series:
            found = np.asarray(value, dtype=np.float64)
            known[feature.name] = series[feature.name] = np.where(np.isfinite(found), found, np.nan)
        else:
            known[feature.name] = _finite(value)
    features = [one for one in features if not one.is_series]
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
    return ReadFeatures(values, series, [*missing, *reader.shapeless()])


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
        scans: by channel that scans, its spectrum at each position.
        bands: the highest band by channel and window [nm], and by position; None where there is
            none.
    """

    channels: Mapping[str, Channel]
    spectra: Mapping[str, Spectrum]
    scans: Mapping[str, tuple[Spectrum, ...]] = field(factory=dict)
    bands: dict[tuple[Reading, int], Peak | None] = field(factory=dict)

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
    def _functions(self) -> Mapping[str, Callable[..., Any]]:
        of_spectra: dict[str, Callable[..., float]] = {
            "at": self._at,
            "area": self._area,
            "peak": self._peak_nm,
            "energy": self._energy_ev,
            "fwhm": self._fwhm_nm,
        }
        return {**{how: self._each(read) for how, read in of_spectra.items()}, **OF_SERIES}

    def _each(self, read: Callable[..., float]) -> Callable[..., Any]:
        """The same for a channel that scans: an array with its value at each position."""

        def of(channel: str, *places: float) -> Any:
            if channel not in self.scans:
                return read(channel, self.spectra[channel], 0, *places)
            spectra = enumerate(self.scans[channel])
            return np.array([read(channel, one, number, *places) for number, one in spectra])

        return of

    def _at(self, channel: str, spectrum: Spectrum, _number: int, place: float) -> float:
        if self._is_beyond(channel, spectrum, place, place):
            return math.nan
        return interpolate_at(spectrum.values, spectrum.wavelengths_nm, place)

    def _area(
        self, channel: str, spectrum: Spectrum, _number: int, low: float, high: float
    ) -> float:
        if self._is_beyond(channel, spectrum, low, high):
            return math.nan
        return area(spectrum.values, spectrum.wavelengths_nm, (low, high))

    def _is_beyond(self, channel: str, spectrum: Spectrum, low: float, high: float) -> bool:
        """Whether an analysis gave a spectrum over an axis that does not reach places on it.

        Wavelengths are checked before a run, against the detector.
        """
        axis = spectrum.wavelengths_nm
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

    def _band(
        self, channel: str, spectrum: Spectrum, number: int, low_nm: float, high_nm: float
    ) -> Peak | None:
        reading = Reading(channel, "peak", (low_nm, high_nm))
        key = reading, number
        if key not in self.bands:
            window = window_slice(spectrum.wavelengths_nm, reading.window_nm)
            self.bands[key] = find_peak(spectrum.values[window], spectrum.wavelengths_nm[window])
        return self.bands[key]

    def shapeless(self) -> Iterable[Flag]:
        """Flags of bands that are not there or not whole; a fault if the objective needs one."""
        for (key, _), peak in self.bands.items():
            device = self.channels[key.channel].device
            where = "{:g} to {:g} nm".format(*key.window_nm)
            if peak is None:
                yield Flag(Quality.GOOD, f"{device}: no emission peak in {where}")
            elif not np.isfinite(peak.fwhm_nm):
                words = f"{device}: the emission does not fall to half its height in {where}"
                yield Flag(Quality.GOOD, words)
