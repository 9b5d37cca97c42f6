"""The frames of a released journal, evaluated again."""

from pathlib import Path

import numpy as np

from flowrig.interfaces import Frames
from flowrig.measurement.evaluate import evaluate
from flowrig.measurement.light_reference import LightCalibration, LightReference
from flowrig.measurement.observation import Observation
from flowrig.run_record.reader import RunRecord

RELEASED = Path(__file__).parents[1] / "journal" / "journals" / "0.1.0"


def test_released_frames_give_the_released_features() -> None:
    """Features, spectra and objective of version 0.1.0 come out again bit for bit."""
    with RunRecord(RELEASED) as record:
        names = record.profile.analysis.devices
        nm = {name: record.wavelengths_nm(name) for name in names}
        lights = LightCalibration(
            {
                name: LightReference(record.reference(name)["dark"], record.reference(name)["lamp"])
                for name in names
            }
        )
        for experiment in record.experiments():
            kept = record.arrays(experiment.index)
            seen = Observation(
                {name: kept[f"{name}.dark"] for name in names},
                {name: frames(kept[f"{name}.counts"], kept[f"{name}.times_s"]) for name in names},
            )
            measured, features = evaluate(record.profile, nm, lights, seen)
            found = {name: measured.features[name] for name in experiment.features}
            assert found == experiment.features
            assert measured.objective == experiment.objective
            # Later versions may doubt more: these samples are short.
            assert {*experiment.flags} <= {*measured.flags}
            for name, spectrum in features.spectra.items():
                np.testing.assert_array_equal(spectrum.values, kept[name])


def frames(counts: np.ndarray, times_s: np.ndarray) -> Frames:
    """Frames as the spectrometer gave them."""
    return Frames(
        time_s=float(times_s[-1]),
        counts=counts,
        times_s=times_s,
        integration_time_us=8000,
        saturated=counts.max(axis=1) >= 65535,
    )
