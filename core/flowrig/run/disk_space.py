"""Requires, before an experiment, that the disk has room for its measurement."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from flowrig.errors import NeedsPersonError
from flowrig.profile import Profile

__all__ = ["DiskSpace", "experiment_bytes"]

COUNTS_BYTES = 2
"""Bytes of one pixel of a raw frame."""

OTHER_BYTES = 8
"""Bytes of one value of a raw frame of another detector, at most."""

AVERAGE_BYTES = 8
"""Bytes of one pixel of an averaged spectrum."""

RESERVE_BYTES = 64 * 2**20
"""Reserve for the write-ahead log, readings, the events of the safe state, and the report."""

MEBIBYTE = 2**20


def experiment_bytes(profile: Profile, pixels: Mapping[str, int]) -> int:
    """Size [bytes] of the arrays of an experiment in the journal.

    Args:
        profile: its analysis gives the number of frames.
        pixels: number of pixels by detector.
    """
    channels = [channel.device for channel in profile.analysis.channels.values()]
    averages = {name: 1 + channels.count(name) for name in pixels}  # the dark, and each spectrum
    return sum(
        n * (_frame_bytes(profile, name) + averages[name] * AVERAGE_BYTES)
        for name, n in pixels.items()
    )


def _frame_bytes(profile: Profile, detector: str) -> int:
    """Size [bytes] of one pixel in all frames of a sample."""
    is_spectrometer = profile.devices[detector].offer.kind == "spectrometer"
    scan = profile.analysis.scans.get(detector)
    frames = profile.analysis.frames_of(detector) * (1 if scan is None else scan.count)
    return frames * (COUNTS_BYTES if is_spectrometer else OTHER_BYTES)


class DiskSpace:
    """Holds a run whose disk is too full for further experiments.

    Args:
        folder: the run's folder.
        each_bytes: size [bytes] of an experiment.
    """

    def __init__(self, folder: Path, each_bytes: int) -> None:
        self._folder = folder
        self._each_bytes = each_bytes

    def require(self, experiments: int) -> None:
        """Hold the run if experiments do not fit.

        Raises:
            NeedsPersonError: there is too little room; the message names the needed size.
        """
        free = shutil.disk_usage(self._folder).free
        need = experiments * self._each_bytes + RESERVE_BYTES
        if free < need:
            raise NeedsPersonError(
                f"the disk of {self._folder} has {free / MEBIBYTE:.0f} MiB free; "
                f"{experiments} experiments need up to {need / MEBIBYTE:.0f} MiB: "
                "make room"
            )
