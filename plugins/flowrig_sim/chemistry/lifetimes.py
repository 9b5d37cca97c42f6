"""Lifetimes of an emission that follow from its quantum yield."""

__all__ = ["lifetimes_ns"]

TRAPPED_SHARE, TRAPPED_FACTOR = 0.4, 0.25
"""Share of the amplitude of crystals with traps, and the ratio of their lifetime to that of the
others (assumed)."""


def lifetimes_ns(quantum_yield: float, radiative_ns: float) -> tuple[tuple[float, float], ...]:
    """Amplitudes and lifetimes [ns] of crystals, some of which have traps.

    The mean lifetime by amplitude is the quantum yield times the radiative lifetime, as for
    emitters that all absorb alike (Lakowicz, Principles of Fluorescence Spectroscopy, 3rd ed. 2006,
    section 1.4.2).

    Args:
        quantum_yield: photons emitted for each photon absorbed.
        radiative_ns: lifetime [ns] without any loss.
    """
    mean_ns = quantum_yield * radiative_ns
    if mean_ns <= 0.0:
        return ()
    slow_ns = mean_ns / (1.0 - TRAPPED_SHARE + TRAPPED_SHARE * TRAPPED_FACTOR)
    return (TRAPPED_SHARE, TRAPPED_FACTOR * slow_ns), (1.0 - TRAPPED_SHARE, slow_ns)
