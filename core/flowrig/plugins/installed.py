"""The entry points of installed plugins, found without importing anything."""

import contextlib
import glob
import os
import sys
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import entrypoints
from attrs import field, frozen

from flowrig.plugins.contained import one_line

__all__ = ["GROUP", "HOME", "SESSION", "InstalledPlugin", "find_plugins"]

GROUP: Final = "flowrig"
"""Entry-point group of plugins."""

HOME: Final = "flowrig"
"""Distribution of the shipped plugins: a name that they have cannot be taken from them."""

SESSION: Final = "this session"
"""Distribution name of plugins that a caller passes to `Plugins.discover`."""


_INFO: Final = (".dist-info", ".egg-info")
"""Ends of the names of folders in which distributions declare entry points."""


@frozen
class InstalledPlugin:
    """A plugin as its distribution declares it, without an import of the plugin.

    Attributes:
        name: the entry point's name.
        distribution: the distribution that declares it.
        version: the distribution's version.
        entry: the entry point; it loads the plugin.
    """

    name: str
    distribution: str
    version: str
    entry: Any = field(default=None, eq=False, repr=False)

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()

    @property
    def key(self) -> str:
        """The plugin with its distribution, whatever its version: "chemyx of flowrig"."""
        return f"{self.name} of {self.distribution}"

    @property
    def label(self) -> str:
        """The plugin with its distribution, for messages."""
        return f"{self.name!r} of {self}"


def find_plugins() -> tuple[list[InstalledPlugin], list[str]]:
    """Plugins of all entry points, in the order of their names; nothing is imported.

    Several distributions can claim one name. As long as no declaration on the path changes, they
    are read once: a program may load many profiles.

    Returns:
        the plugins, and a sentence for each declaration that cannot be read.
    """
    mark = _mark(sys.path)
    newest = _newest[0] if _newest else None
    if newest is None or mark is None or newest[0] != mark:
        newest = mark, *_read_plugins()
        _newest[:] = [newest]
    return list(newest[1]), list(newest[2])


def _read_plugins() -> tuple[list[InstalledPlugin], list[str]]:
    trouble: list[str] = []
    try:
        with warnings.catch_warnings(record=True) as doubts:
            warnings.simplefilter("always")
            entries = entrypoints.get_group_all(GROUP)
        trouble += [f"an entry point cannot be read: {one_line(one.message)}" for one in doubts]
    except Exception:  # one malformed file must not hide all others
        entries = list(_read_one_by_one(trouble))
    found = dict.fromkeys(map(_plugin, entries))
    return sorted(found, key=lambda one: (one.name, one.distribution, one.version)), trouble


_Mark = tuple[tuple[str, int, int], ...]

_newest: list[tuple[_Mark | None, list[InstalledPlugin], list[str]]] = []
"""What was found last, at most one."""


def _mark(folders: Sequence[str]) -> _Mark | None:
    """Place, time of change [ns] and size [bytes] of every file that declares entry points.

    None where an archive or an egg is on the path, inside of which files may change.
    """
    found: list[tuple[str, int, int]] = []
    for folder in map(os.path.abspath, folders):
        try:
            with os.scandir(folder) as entries:
                inside = [one.path for one in entries if one.name.endswith(_INFO)]
        except OSError:
            if folder.endswith(".egg") or os.path.isfile(folder):  # noqa: PTH113
                return None
            inside = []
        if folder.endswith(".egg"):
            return None
        found.append((folder, 0, 0))
        for path in sorted(inside):
            file = os.path.join(path, "entry_points.txt")  # noqa: PTH118
            with contextlib.suppress(OSError):
                seen = os.stat(file)  # noqa: PTH116
                found.append((file, seen.st_mtime_ns, seen.st_size))
    return tuple(found)


def _plugin(entry: Any) -> InstalledPlugin:
    distribution = entry.distro
    return InstalledPlugin(
        entry.name,
        str(distribution.name or "").replace("_", "-") if distribution else entry.module_name,
        str(distribution.version or "") if distribution else "",
        entry,
    )


def _read_one_by_one(trouble: list[str]) -> Iterator[Any]:
    """Entry points of every distribution that can be read, as `entrypoints` finds them."""
    seen: set[str] = set()
    for file in _files(sys.path):
        distribution = entrypoints.Distribution.from_name_version(file.parent.stem)
        if distribution.name in seen:  # the first one on the path is imported
            continue
        seen.add(distribution.name)
        try:
            parser = entrypoints.CaseSensitiveConfigParser(delimiters=("=",))
            parser.read_string(file.read_text(encoding="utf-8"))
            pairs = parser.items(GROUP, raw=True) if parser.has_section(GROUP) else []
        except Exception as error:  # whatever a parser makes of arbitrary bytes
            trouble.append(f"{file} cannot be read: {one_line(error)}")
            continue
        for name, text in pairs:
            try:
                yield entrypoints.EntryPoint.from_string(text, name, distribution)
            except entrypoints.BadEntryPoint as error:
                trouble.append(f"{file}: {one_line(error)}")


def _files(folders: Sequence[str]) -> Iterator[Path]:
    for folder in folders:
        for kind in ("dist-info", "egg-info"):
            pattern = os.path.join(glob.escape(folder or "."), f"*.{kind}", "entry_points.txt")  # noqa: PTH118
            yield from map(Path, sorted(glob.glob(pattern)))  # noqa: PTH207
