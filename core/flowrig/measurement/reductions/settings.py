"""Settings of the analyses of decays and phases; no heavy import."""

from typing import Literal

from attrs import field, frozen, validators

__all__ = ["DecaySettings", "PhaseSettings"]

Window = tuple[float, float]


@frozen(kw_only=True)
class DecaySettings:
    """Settings of the analysis of decays.

    Attributes:
        exponentials: number of lifetimes, 1 or 2.
        fit_ns: part of the axis [ns] that is fitted; None for all of it from the pulse on, which is
            the first bin of the peak, or with `response_ns` the whole axis.
        response_ns: full width at half maximum [ns] of the response of the instrument to a short
            pulse, which is taken as Gaussian; None if it is so much shorter than the lifetimes that
            the decay is fitted behind the peak.
        least_counts: photons above the background that a fit needs (assumed: some 5 % of
            uncertainty for one lifetime).
    """

    exponentials: Literal[1, 2] = 1
    fit_ns: Window | None = None
    response_ns: float | None = field(
        default=None, validator=validators.optional(validators.gt(0.0))
    )
    least_counts: int = field(default=500, validator=validators.gt(0))


@frozen(kw_only=True)
class PhaseSettings:
    """Settings of the analysis of passing phases.

    Attributes:
        reactive: whether the reactive phase lets less or more through than the carrier: "dark" or
            "bright".
        window_nm: of a spectrometer, wavelengths [nm] whose mean counts are the level; None for all
            pixels. Of other detectors every point has a level of its own.
        least_contrast: smallest difference between the phases, as a share of the level of the
            brighter one, from which on they are told apart (assumed).
    """

    reactive: Literal["dark", "bright"] = "dark"
    window_nm: Window | None = None
    least_contrast: float = field(default=0.05, validator=validators.gt(0.0))

    def problem_with(self, axis_unit: str) -> str:
        """Why they do not fit a detector with an axis in a unit; "" if they do."""
        if axis_unit == "nm" and self.window_nm is None:
            return "the pixels of a spectrometer are no light gates: say with `window` which count"
        if axis_unit != "nm" and self.window_nm is not None:
            return f"a detector over {axis_unit} has no wavelengths for `window`"
        return ""
