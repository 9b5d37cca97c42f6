"""Transport in the fluidic world: mixing before the junction, plug flow behind it."""

import numpy as np
import pytest
from attrs import asdict
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrig.profile.model import Component
from flowrig_sim.flow.flowpath import FlowPath, Inlet, Stretch
from flowrig_sim.flow.transport import FlowRecord, Premix

STEP_S = 0.5


def slug_path(premix_ul=440.0):
    """Dye and solvent meet in a mixer, then carrier cuts them into slugs for a reactor."""
    mixer = Component(name="mixer", kind="mixer", to="reactor", given_volume_ul=premix_ul)
    reactor = Component(name="reactor", kind="reactor", to="rest", given_volume_ul=600.0)
    rest = Component(
        name="rest", kind="tubing", to="waste", given_volume_ul=900.0, spectrometer="eye"
    )
    premix = Stretch(
        components=(mixer,),
        reactive=("dye", "solvent"),
        carriers=(),
        inlets=(),
        entering=("dye", "solvent"),
        fractions={"dye": 1.0, "solvent": 1.0},
    )
    slugs = Stretch(
        components=(reactor, rest),
        reactive=("dye", "solvent"),
        carriers=("oil",),
        inlets=(Inlet(premix, premix.fractions),),
        entering=("oil",),
        fractions={"dye": 1.0, "solvent": 1.0, "oil": 1.0},
    )
    return FlowPath(
        reactive=("dye", "solvent"),
        carriers=("oil",),
        solvents=("solvent",),
        stretches=(premix, slugs),
        cells={},
    )


class Line:
    """A record of flow through that path."""

    def __init__(self, premix_ul=440.0):
        path = slug_path(premix_ul)
        self.slugs = path.stretches[-1]
        self.record = FlowRecord(path, STEP_S)

    @property
    def end_ul(self):
        return self.record.end_ul(self.slugs)

    def parcel(self, total_ul, position_ul):
        return self.record.slice_at(self.slugs, position_ul, total_ul)


def record(reactive_ul_min, carrier_ul_min, duration_s, premix_ul=440.0):
    """A record of constant flow of two reactive streams, solvent second."""
    steps = round(duration_s / STEP_S)
    result = Line(premix_ul)
    rates = np.array([*reactive_ul_min, carrier_ul_min])
    result.record.append(
        STEP_S * np.arange(1, steps + 1), np.tile(rates * STEP_S / 60.0, (steps, 1))
    )
    return result


@given(
    dye=st.floats(0.0, 300.0),
    solvent=st.floats(1.0, 300.0),
    carrier=st.floats(0.0, 500.0),
    duration_s=st.floats(10.0, 600.0),
    position_ul=st.floats(0.0, 1500.0),
)
def test_shares_are_shares(dye, solvent, carrier, duration_s, position_ul):
    """Whatever flowed, the shares in a slice lie between 0 and 1 and add up to 1."""
    flow = record((dye, solvent), carrier, duration_s)
    parcel = flow.parcel(flow.end_ul, position_ul)
    if parcel is not None:
        assert parcel.shares.sum() == pytest.approx(1.0)
        assert np.all(parcel.shares >= -1e-12)
        assert parcel.reactive_share == pytest.approx((dye + solvent) / (dye + solvent + carrier))


@given(
    total=st.floats(100.0, 900.0),
    position_ul=st.floats(600.0, 1200.0),
)
def test_plug_flow_takes_volume_over_flow_rate(total, position_ul):
    """The residence time of a slice in the reactor is volume over flow rate, at every position."""
    duration_s = 1.5 * position_ul / total * 60.0
    flow = record((total / 3, total / 3), total / 3, duration_s)
    parcel = flow.parcel(flow.end_ul, position_ul)
    reactor = parcel.passages[0]
    assert reactor.left_s - reactor.entered_s == pytest.approx(600.0 / total * 60.0, rel=1e-6)
    assert reactor.flow_ul_min == pytest.approx(total)


@settings(max_examples=20)
@given(premix_ul=st.floats(50.0, 1000.0))
def test_the_premix_holds_back_its_own_volume_on_average(premix_ul):
    """The mean of the residence distribution is the premixing volume."""
    volumes = np.linspace(0.0, 2.5 * premix_ul, 5000)
    held = 1.0 - Premix(premix_ul).left(volumes)
    assert np.sum(0.5 * (held[1:] + held[:-1]) * np.diff(volumes)) == pytest.approx(
        premix_ul, rel=1e-3
    )


def test_a_step_leaves_the_premix_half_after_its_volume():
    """Half of a new composition has arrived when its own volume has passed the mixer."""
    flow = record((100.0, 0.0), 0.0, duration_s=440.0 / 100.0 * 60.0)
    parcel = flow.parcel(flow.end_ul, 1e-6)
    assert parcel.shares[0] == pytest.approx(0.5, abs=0.05)


def test_a_fresh_rig_is_full_of_carrier():
    """Behind the segmentation junction a fresh rig is full of carrier."""
    flow = record((100.0, 100.0), 100.0, duration_s=60.0)
    assert flow.parcel(flow.end_ul, 1000.0) is None


def test_the_grouping_of_steps_does_not_matter():
    """Steps that come one by one or together give the same record, bit for bit."""
    rng = np.random.default_rng(4)
    times_s = STEP_S * np.arange(1, 3001)
    reactive_ul, carrier_ul = rng.random((3000, 2)), rng.random(3000)
    parcels = []
    for chunk in (3000, 7, 1):
        flow = Line()
        for start in range(0, 3000, chunk):
            part = slice(start, start + chunk)
            flow.record.append(
                times_s[part], np.column_stack((reactive_ul[part], carrier_ul[part]))
            )
        parcels.append(flow.parcel(flow.end_ul, 1000.0))
    for other in parcels[1:]:
        assert np.array_equal(other.shares, parcels[0].shares)
        for one, first in zip(other.passages, parcels[0].passages, strict=True):
            assert (one.entered_s, one.left_s) == (first.entered_s, first.left_s)


@settings(max_examples=40, deadline=None)
@given(
    rates_ul_min=st.lists(
        st.tuples(*[st.sampled_from([0.0, 60.0, 133.7])] * 3), min_size=2, max_size=6
    ),
    steps_each=st.integers(1, 120),
    position_ul=st.floats(1.0, 1400.0),
    frames=st.lists(st.integers(0, 700), min_size=1, max_size=60),
    premix_ul=st.sampled_from([0.0, 150.0, 440.0]),
)
def test_slices_at_once_are_those_one_by_one(
    rates_ul_min, steps_each, position_ul, frames, premix_ul
):
    """To the last bit: which frames are computed at once changes no result."""
    line = Line(premix_ul)
    added_ul = np.repeat(np.array(rates_ul_min), steps_each, axis=0) * STEP_S / 60.0
    line.record.append(STEP_S * np.arange(1, len(added_ul) + 1), added_ul)
    recorded = line.record.count
    counts = sorted(min(one, recorded) for one in frames)
    totals_ul = []
    for count in counts:
        line.record.look_back(count)
        totals_ul.append(line.end_ul + 0.3)
    found = line.record.slices_at(line.slugs, position_ul, totals_ul, counts)
    for count, total_ul, other in zip(counts, totals_ul, found, strict=True):
        line.record.look_back(count)
        one = line.parcel(total_ul, position_ul)
        if one is None or one.reactive_share <= 0.0:
            assert other is None or other.reactive_share <= 0.0
            continue
        assert other is not None
        assert one.reactive_share == other.reactive_share
        assert list(map(asdict, one.passages)) == list(map(asdict, other.passages))
        np.testing.assert_array_equal(one.shares, other.shares)
