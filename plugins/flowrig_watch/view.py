"""The view of one run: what was written since the last look, and how its program is."""

import threading
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from attrs import asdict, frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.journal.check import NOTHING_EXAMINED, Examined
from flowrig.journal.events import ChangesAccepted, HoldBegun, JournalCut, RunStarted
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.journal.sound_folder import sound_folder
from flowrig.operator.hold import Hold
from flowrig.plugins.registry import Plugins
from flowrig.report.quantities import shown_objective
from flowrig.report.svg.rig_drawing import draw_rig
from flowrig.run.lease import NOTE_NAME
from flowrig.run_record.changes import PROFILE_NAME, profile_of
from flowrig.run_record.lock import is_locked
from flowrig_watch.fold import Fold

__all__ = ["Mark", "RunView", "written"]

MOST_PLACES = 1200
"""Places of a spectrum that a page draws."""

MOST_EVENTS = 20_000
"""Events that one look reads at most, some seconds of work; a page shows them meanwhile."""

_READING = {"engine": "reading", "state": "reading", "text": "the journal is being read"}

_ENDINGS = {
    "finished": "the campaign is finished, and the rig is in its safe state",
    "stopped": "a person has stopped the run; the rig is in its safe state",
    "held": "the run waits for a person; the rig is in its safe state",
    "failed": "the run has failed; the rig is in its safe state",
    "unknown": "the safe state is not confirmed: look at the rig",
}


@frozen
class Mark:
    """A place in a journal, up to which a page knows it.

    Attributes:
        sequence: number of the newest event that it knows; 0 for none.
        cut: number of the newest event with which numbers began anew, or the profile changed.
        thinned: how often series had been thinned.
    """

    sequence: int = 0
    cut: int = 0
    thinned: int | None = None

    @classmethod
    def of(cls, text: str) -> "Mark":
        """The mark of an identity of an event stream; the beginning where it is none of ours."""
        sequence, _, cut = text.partition("@")
        if sequence.isdecimal() and cut.isdecimal():
            return cls(int(sequence), int(cut))
        return cls()

    def __str__(self) -> str:
        return f"{self.sequence}@{self.cut}"


class RunView:
    """Reads the journal of a run, again and again, and never writes to its folder.

    Args:
        folder: the folder of the run.
        plugins: installed plugins.
    """

    def __init__(self, folder: Path, plugins: Plugins) -> None:
        self.folder = folder
        self._plugins = plugins
        self._lock = threading.Lock()
        self._stamp: object = None
        self._examined: Examined = NOTHING_EXAMINED
        self._fold: Fold | None = None
        self._cut = 0
        self._health: dict[str, str] = {}
        self._trouble = ""

    def refresh(self) -> bool:
        """Read what was written since; of a long journal the next part.

        Returns:
            whether all is read.

        Raises:
            FlowrigError: this is no run that can be read; the message says why.
        """
        with self._lock, sound_folder(self.folder):
            stamp = written(self.folder)
            if stamp != self._stamp:
                self._stamp = stamp if self._read() else None
            self._health = _READING if self._stamp is None else self._healthy()
            return self._stamp is not None

    @property
    def mark(self) -> Mark:
        """Up to where the journal was read."""
        fold = self._known
        return Mark(fold.sequence, self._cut, sum(one.thinned for one in fold.series.values()))

    def state(self) -> dict[str, Any]:
        """Everything about the run but its tables and charts, as JSON values."""
        with self._lock:
            fold = self._known
            best, quantity = fold.best, self._quantity
            return {
                **fold.status.as_json(),
                "name": self.folder.name,
                "folder": str(self.folder.absolute()),
                "title": fold.status.campaign or fold.profile.title,
                "merit": {
                    "name": quantity.name,
                    "unit": quantity.unit,
                    "factor": quantity.factor,
                    "label": quantity.label,
                },
                "best": None if best is None else best.objective,
                "best_index": None if best is None else best.index,
                "stops": list(fold.stops()),
                "experiment_s": fold.pace.experiment_s,
                "has_spectra": any(
                    channel.device in fold.profile.devices
                    for channel in fold.profile.analysis.channels.values()
                ),
                "vessels": list(fold.vessels()),
                "symptoms": dict(fold.symptoms),
                "trips": [{"rule": trip.rule, "text": str(trip)} for trip in fold.trips],
                "safe": None if fold.safe is None else fold.safe.as_json(),
                "asks": _asks(fold.status.hold),
                "health": {**self._health, "trouble": self._trouble},
                "wall": fold.wall,
                "sequence": fold.sequence,
            }

    def charts(self) -> dict[str, Any]:
        """The charts over time, without their values."""
        return {name: asdict(chart) for name, chart in self._known.charts.items()}

    def since(self, mark: Mark) -> dict[str, Any]:
        """Series, experiments and news from events behind a mark, as JSON values."""
        with self._lock:
            fold, after = self._known, mark.sequence
            series = {}
            for name, one in fold.series.items():
                points = one.after(after)
                if points:
                    series[name] = [[p.x for p in points], [p.y for p in points]]
            return {
                "series": series,
                "experiments": [asdict(r) for r in fold.rows.values() if r.changed > after],
                "news": [asdict(one) for one in fold.news if one.sequence > after],
            }

    def spectra(self, index: int) -> dict[str, Any]:
        """The averaged spectra of an experiment by channel: axis, its unit, values, their unit.

        Raises:
            InputError: it is not measured.
        """
        fold = self._known
        row = fold.rows.get(index)
        if row is None or not row.sequence:
            raise InputError(f"experiment {index} is not measured")
        with self._lock, self._journal() as journal:
            arrays = journal.arrays(row.sequence)
            axes = journal.arrays(fold.calibrated) if fold.calibrated else {}
        found = {}
        for name, channel in fold.profile.analysis.channels.items():
            entry = fold.profile.devices.get(channel.device)
            if entry is None or name not in arrays:
                continue
            axis = arrays.get(f"{name}.axis", axes.get(f"{channel.device}.{entry.axis_array}"))
            if axis is not None and len(axis) == len(arrays[name]):
                unit = channel.offer.axis_unit if f"{name}.axis" in arrays else entry.axis_unit
                found[name] = {
                    "x": _thinned(axis),
                    "y": _thinned(arrays[name]),
                    "x_unit": unit,
                    "unit": channel.offer.unit,
                }
        return found

    def drawing(self) -> str:
        """The rig as SVG."""
        return draw_rig(self._known.profile)

    @property
    def _known(self) -> Fold:
        assert self._fold is not None, "refresh() comes first"
        return self._fold

    @property
    def _quantity(self) -> Any:
        profile = self._known.profile
        return shown_objective(profile.objective, profile.labels, profile.percent_features)

    def _journal(self) -> Journal:
        path = self.folder / FILE_NAME
        return Journal(path, read_only=True, since=self._examined, follows=True)

    def _read(self) -> bool:
        """Read the next part of the journal; returns whether that was the last."""
        if self._fold is not None:
            with self._journal() as journal:
                if not self._begins_anew(journal, self._fold):
                    return self._follow(journal, self._fold)
        path = self.folder / FILE_NAME
        with Journal(path, read_only=True) as journal:
            start = next(iter(journal.events(RunStarted)), None)
            if start is None:
                raise InputError(f"the run in {self.folder} has not begun")
            profile = profile_of(journal, self.folder / PROFILE_NAME, self._plugins)
            self._fold = Fold(profile, start.data.simulated)
            self._cut = _newest_cut(journal)
            return self._follow(journal, self._fold)

    def _begins_anew(self, journal: Journal, fold: Fold) -> bool:
        """Whether events were cut off since, or the profile is another."""
        newest = journal.last()
        is_shorter = newest is None or newest.sequence < fold.sequence
        return is_shorter or _newest_cut(journal) != self._cut

    def _follow(self, journal: Journal, fold: Fold) -> bool:
        """Fold the next events; returns whether these were the last."""
        new = list(islice(journal.events(after=fold.sequence), MOST_EVENTS))
        for event in new:
            fold.follow(event)
        self._examined = journal.examined
        self._trouble = "" if journal.damage is None else f"the journal: {journal.damage}"
        return len(new) < MOST_EVENTS

    def _healthy(self) -> dict[str, str]:
        """How the program of the run is."""
        fold, locked = self._known, is_locked(self.folder)
        if fold.ended is not None and not (locked and fold.ended.state == "unknown"):
            state = fold.ended.state
            engine = "tripped" if fold.trips else "over"
            text = fold.ended.reason or _ENDINGS.get(state, "the run has ended")
            return {"engine": engine, "state": state, "text": text}
        if note := self._note(fold):
            engine = "watchdog" if locked else "dead"
            return {"engine": engine, "state": "interrupted", "text": note}
        if not locked:
            text = "the program of the run has died; nothing confirms the state of the rig"
            return {"engine": "dead", "state": "interrupted", "text": text}
        return {"engine": "alive", "state": fold.status.as_json()["state"], "text": ""}

    def _note(self, fold: Fold) -> str:
        """The newest report of the watchdog since the process of the run began, if there is one."""
        try:
            lines = (self.folder / NOTE_NAME).read_text(encoding="utf-8").splitlines()
            wall, _, text = lines[-1].partition(" ")
            is_news = datetime.fromisoformat(wall) >= datetime.fromisoformat(fold.began).replace(
                microsecond=0
            )
        except (OSError, ValueError, IndexError, TypeError):
            return ""
        return text if is_news else ""


def written(folder: Path) -> Sequence[tuple[int, int]]:
    """Time [ns] and size [bytes] of the files of a journal, which change whenever it is written."""
    found: list[tuple[int, int]] = []
    for name in (FILE_NAME, f"{FILE_NAME}-wal"):
        with suppress(OSError):
            stat = (folder / name).stat()
            found.append((stat.st_mtime_ns, stat.st_size))
    return found


def _newest_cut(journal: Journal) -> int:
    newest = journal.last(JournalCut, ChangesAccepted)
    return 0 if newest is None else newest.sequence


def _asks(begun: HoldBegun | None) -> dict[str, Any] | None:
    """What a person is to do before the run goes on, and what they confirm by that."""
    if begun is None:
        return None
    hold = Hold.of(begun)
    return {"claim": hold.claim, "refill": hold.refill, "empty": hold.empty, "reads": hold.reads}


def _thinned(values: NDArray[Any]) -> list[float | None]:
    """Values over the pixels of a detector, averaged over neighbours where there are many."""
    size = -(-len(values) // MOST_PLACES)
    if size > 1:
        starts = np.arange(0, len(values), size)
        counts = np.diff([*starts, len(values)])
        values = np.add.reduceat(np.asarray(values, dtype=float), starts) / counts
    return [float(one) if np.isfinite(one) else None for one in values]
