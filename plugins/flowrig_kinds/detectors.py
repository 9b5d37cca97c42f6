"""Detectors beside spectrometers: counters of single photons, and sensors of passing phases."""

from flowrig.interfaces import Detecting, Device

__all__ = ["PhaseSensor", "Tcspc"]


class Tcspc(Device, Detecting):
    """A counter of single photons by the time [ns] between excitation pulse and photon.

    The field calls the method time-correlated single photon counting (TCSPC). One frame is the
    histogram of one integration time; the analysis `decay` adds the frames of a sample. A driver
    adds `_do_open`, `_do_close`, `_do_identify`, `_do_axis`, the middle of every bin, and
    `_do_acquire_frame`, and its settings have `integration_time_us`.
    """

    axis_unit = "ns"


class PhaseSensor(Device, Detecting):
    """Light gates along a tube, which tell slugs from the carrier by what passes of their light.

    A frame is the level of every gate at one moment, and the axis the place [mm] of each gate in
    the direction of flow, the first one at 0. With two gates or more, the analysis `phase` measures
    the velocity and the length of slugs. A driver adds the same methods as that of a `Tcspc`.
    """

    axis_unit = "mm"
