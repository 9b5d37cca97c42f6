"""The runs that a server shows: one, or those in the folders of a folder."""

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from flowrig.errors import FlowrigError, InputError
from flowrig.journal.journal import FILE_NAME
from flowrig.plugins.registry import Plugins
from flowrig.run_record.lock import is_locked
from flowrig_watch.view import RunView, written

__all__ = ["Runs"]

MOST_VIEWS = 6
"""Views that are kept in memory; the oldest one is read again when somebody looks at it."""


class Runs:
    """Finds runs, and keeps their views.

    Args:
        folder: the folder of a run, or one that holds folders of runs.

    Raises:
        InputError: there is no such folder.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder")
        self._folder = folder
        self._plugins = Plugins.discover()
        self._lock = threading.Lock()
        self._views: OrderedDict[str, RunView] = OrderedDict()
        self._summaries: dict[str, tuple[object, dict[str, Any]]] = {}

    @property
    def folders(self) -> Mapping[str, Path]:
        """Folders of runs by name, the one that was written newest first."""
        if (self._folder / FILE_NAME).is_file():
            return {self._folder.absolute().name: self._folder}
        with suppress(OSError):
            found = [one for one in self._folder.iterdir() if (one / FILE_NAME).is_file()]
            return {one.name: one for one in sorted(found, key=_newest, reverse=True)}
        return {}

    @property
    def only(self) -> str:
        """The name of the run, where the folder is that of a run; "" where it holds several."""
        return next(iter(self.folders), "") if (self._folder / FILE_NAME).is_file() else ""

    @property
    def are_under_way(self) -> bool:
        """Whether a program works on one of them."""
        return any(map(is_locked, self.folders.values()))

    def folder(self, name: str) -> Path:
        """The folder of a run.

        Raises:
            InputError: there is none of this name.
        """
        found = self.folders.get(name)
        if found is None:
            raise InputError(f"there is no run {name!r}")
        return found

    def view(self, name: str) -> RunView:
        """The view of a run.

        Raises:
            InputError: there is none of this name.
        """
        folder = self.folder(name)
        with self._lock:
            view = self._views.pop(name, None) or RunView(folder, self._plugins)
            self._views[name] = view
            while len(self._views) > MOST_VIEWS:
                self._views.popitem(last=False)
        return view

    def listed(self) -> Iterator[dict[str, Any]]:
        """A row for each run, in turn; runs that have changed are read."""
        for name, folder in self.folders.items():
            known, row = self._summaries.get(name, (None, {}))
            if known != written(folder) or row.get("engine") in ("alive", "watchdog"):
                row = self._row(name)
                self._summaries[name] = (written(folder), row)
            yield row

    def _row(self, name: str) -> dict[str, Any]:
        try:
            view = self.view(name)
            while not view.refresh():
                pass
        except FlowrigError as error:
            return {"name": name, "engine": "unreadable", "state": "unreadable", "text": str(error)}
        state = view.state()
        return {
            "name": name,
            "title": state["title"],
            **{key: state["health"][key] for key in ("engine", "state", "text")},
            **{
                key: state[key] for key in ("done", "planned", "best", "merit", "simulated", "wall")
            },
            "stop": state["stops"][0],
        }


def _newest(folder: Path) -> int:
    """When something was written to the journal of a run newest [ns]."""
    return max((time_ns for time_ns, _ in written(folder)), default=0)
