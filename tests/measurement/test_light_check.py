"""Whether a light is really out is seen in a frame that was taken after it was shut."""

import numpy as np
import pytest

from flowrig.measurement.light_check import LightReference, light_seen

FULL = 65_535
PIXELS = np.arange(2068)
NOISE = np.random.default_rng(1).normal(0.0, 6.0, PIXELS.size)
DARK = 1357.0 + NOISE
LAMP = DARK + 20_000.0 * np.exp(-0.5 * ((PIXELS - 900) / 150.0) ** 2)
KNOWN = LightReference(DARK, LAMP)


def frame(counts: np.ndarray) -> np.ndarray:
    """Counts as a detector gives them."""
    return np.clip(np.rint(counts), 0, FULL).astype(np.uint16)


@pytest.mark.parametrize("reference", [KNOWN, None])
def test_a_dark_frame_shows_no_light(reference: LightReference | None) -> None:
    """Noise, and a pedestal that has drifted, are no light."""
    for drift in (-300.0, 0.0, 800.0):
        assert light_seen(frame(DARK[::-1] + drift), FULL, reference) == ""


@pytest.mark.parametrize("reference", [KNOWN, None])
def test_a_light_that_burns_on_is_seen(reference: LightReference | None) -> None:
    """Also through a cell that lets a fifth of it pass."""
    assert "still sees" in light_seen(frame(DARK + 0.2 * (LAMP - DARK)), FULL, reference)


def test_a_reference_that_was_lit_itself_clears_nobody() -> None:
    """Where dark and lamp look the same, a spectrum in the frame still counts."""
    assert "spectrum" in light_seen(frame(LAMP), FULL, LightReference(LAMP, LAMP))


def test_a_blinded_detector_clears_nobody() -> None:
    """Full scale in every pixel says nothing of the light, and that is told."""
    assert "nobody can say" in light_seen(frame(np.full(PIXELS.size, FULL)), FULL, KNOWN)
