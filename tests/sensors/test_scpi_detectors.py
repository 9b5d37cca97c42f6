"""SCPI detectors: the conformance kit, and lists of numbers that are none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowrig.emulation import Absorber, Emitter, GaussianBand, Glimpse, Product
from flowrig.errors import ConnectionLostError, ProtocolError
from flowrig.testing import KindBench
from flowrig_kinds.conformance import PhaseSensorConformance, TcspcConformance
from flowrig_kinds.detector_bodies import DARK_PER_S, PhaseSensorBody, TcspcBody, _decay
from flowrig_sensors.frames.driver import ScpiGates, ScpiHistogram
from flowrig_sensors.frames.emulator import ScpiGatesEmulator, ScpiHistogramEmulator
from flowrig_sensors.frames.settings import ScpiGatesSettings, ScpiHistogramSettings

BAND = GaussianBand(500.0, 30.0)
GLOWING = Glimpse(
    product=Product(
        absorbers=(Absorber(absorbance=0.5, shape=BAND),),
        emitters=(Emitter(quantum_yield=0.5, shape=BAND),),
        lifetimes_ns=((1.0, 10.0),),
    ),
    reactive=1.0,
)


@contextmanager
def histogram_bench(**changed: Any) -> Iterator[KindBench]:
    settings = ScpiHistogramSettings(
        **{
            "address": "127.0.0.1",
            "begin": "HIST1:FLUS",
            "query": "HIST1:DATA?",
            "bins": 50,
            "bin_ns": 0.5,
            "deadline_s": 0.3,
            **changed,
        }
    )
    with KindBench(ScpiHistogram, ScpiHistogramEmulator, settings, body=TcspcBody) as bench:
        yield bench


@contextmanager
def gates_bench(**changed: Any) -> Iterator[KindBench]:
    settings = ScpiGatesSettings(
        **{
            "address": "127.0.0.1",
            "query": "MEAS:VOLT? (@101,102)",
            "places_mm": (0.0, 10.0),
            "deadline_s": 0.3,
            **changed,
        }
    )
    with KindBench(ScpiGates, ScpiGatesEmulator, settings, body=PhaseSensorBody) as bench:
        yield bench


class TestHistogram(TcspcConformance):
    @pytest.fixture
    def bench(self) -> Iterator[KindBench]:
        with histogram_bench() as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: KindBench) -> None:
        super().test_a_cut_at_any_byte(bench)


class TestGates(PhaseSensorConformance):
    @pytest.fixture
    def bench(self) -> Iterator[KindBench]:
        with gates_bench() as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: KindBench) -> None:
        super().test_a_cut_at_any_byte(bench)


def test_photons_are_counted_for_the_integration_time() -> None:
    """A frame holds what came since the command to begin, and longer frames hold more."""
    with histogram_bench(integration_time_us=2_000_000) as bench, bench.driver as counter:
        bench.place.seen = GLOWING
        bench.clock.sleep(7.0)
        frames = counter.acquire(2)
        lit = int(frames.counts[0].sum())
        np.testing.assert_array_equal(frames.counts[0], frames.counts[1])
        np.testing.assert_allclose(np.diff(frames.times_s), 2.0)
        bench.body.faults["blind"].switch(True)
        assert counter.acquire(1).counts.sum() == pytest.approx(2 * DARK_PER_S, abs=50)
        assert lit > 10 * 2 * DARK_PER_S


@given(st.floats(0.2, 20.0), st.floats(0.2, 20.0), st.floats(0.01, 0.99))
def test_no_photon_is_lost_or_made(one_ns: float, other_ns: float, share: float) -> None:
    """The shares of all bins are 1, as far as the decay ends within them, and none is negative."""
    shape = _decay(((share, one_ns), (1.0 - share, other_ns)), 1000, 0.5)
    assert shape.sum() == pytest.approx(1.0, abs=1e-6)
    assert (shape >= 0.0).all()


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("1,2,3", "it sent 3 numbers, and the settings say 2"),
        ("1,x", "'x' is no number"),
        ("1,9.9E37", "no value"),
    ],
)
def test_a_frame_that_is_none_is_told(
    answer: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place has a number of its own."""
    monkeypatch.setattr(
        ScpiGatesEmulator, "_answer", lambda _, query: "A,B" if query == "*IDN?" else answer
    )
    with gates_bench() as bench, bench.driver as gates, pytest.raises(ProtocolError, match=said):
        gates.acquire(1)


def test_an_instrument_that_does_not_begin_is_told() -> None:
    """Nothing is read from a counter that did not confirm its command."""
    with histogram_bench() as bench, bench.driver as counter:
        counter.settings = evolve(counter.settings, begin="HIST2:FLUS")
        with pytest.raises(ConnectionLostError, match="no answer"):
            counter.acquire(1)


@pytest.mark.parametrize("places_mm", [(), (1.0, 2.0), (0.0, 2.0, 1.0)])
def test_gates_are_named_along_the_flow(places_mm: tuple[float, ...]) -> None:
    """The first one is at 0 mm, and the others behind it."""
    with pytest.raises(ValueError, match="places"):
        ScpiGatesSettings(address="a", query="V?", places_mm=places_mm)
