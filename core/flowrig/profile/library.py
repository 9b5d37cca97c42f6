"""Profiles and campaigns by name: those that come with flowrig, with plugins, or a path."""

import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from attrs import frozen

from flowrig.profile.problems import Place, Problem, ProfileError, nearest
from flowrig.profile.structure import OfferSource

__all__ = ["Finder", "ListedProfile", "list_profiles", "shipped_folder"]

ENDING = ".toml"


def shipped_folder() -> Path:
    """The folder of the profiles that come with flowrig: in the package, or beside its sources."""
    package = Path(str(files("flowrig")))
    installed = package / "_profiles"
    return installed if installed.is_dir() else package.parents[1] / "profiles"


@frozen
class ListedProfile:
    """A profile or campaign that can be named without its path.

    Attributes:
        name: stem of its file.
        title: its title, "" without one.
        file: its file.
    """

    name: str
    title: str
    file: Path


@frozen
class Finder:
    """Finds files by name or path. A name is compared with file names, never joined to a path.

    Attributes:
        plugins: the installed plugins, which can ship folders with profiles.
    """

    plugins: OfferSource

    def folders(self) -> tuple[Path, ...]:
        """Folders that are searched for names, in this order."""
        return (shipped_folder(), *self.plugins.profile_folders())

    def files(self) -> Iterator[Path]:
        """Every file that can be named."""
        for folder in self.folders():
            if folder.is_dir():
                yield from sorted(one for one in folder.iterdir() if one.suffix == ENDING)

    def find(self, target: str | Path, base: Path = Path()) -> Path:
        """The file of a name or path.

        Args:
            target: a name, or a path (anything with a folder in it, or that ends in ".toml").
            base: folder that relative paths start from.

        Raises:
            ProfileError: there is no such file or name.
        """
        if isinstance(target, Path) or target.endswith(ENDING) or "/" in target or "\\" in target:
            return self._by_path(base / target)
        names: dict[str, Path] = {}
        for file in self.files():
            names.setdefault(file.stem, file)
        if target in names:
            return names[target]
        known = ", ".join(sorted(names)) or "none is installed"
        raise _unknown(target, f"no profile is called {target!r}", known, nearest(target, names))

    def _by_path(self, file: Path) -> Path:
        try:
            if file.is_file():
                return file
            beside = [one.name for one in file.parent.iterdir() if one.suffix == ENDING]
        except (OSError, ValueError):  # ValueError: a name with a NUL
            beside = []
        near = nearest(file.name, beside)
        raise _unknown(str(file), f"there is no file {str(file)!r}", "", near)


def _unknown(target: str, message: str, known: str, near: str) -> ProfileError:
    expected = f"a path or one of {known}" if known else ""
    return ProfileError([Problem(Place(target, 0, 0), message, expected, near)])


def list_profiles(plugins: OfferSource) -> list[ListedProfile]:
    """Every profile and campaign that can be named; files that are not TOML are left out."""
    listed: dict[str, ListedProfile] = {}
    for file in Finder(plugins).files():
        try:
            content = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        title = content.get("title", "")
        entry = ListedProfile(file.stem, str(title), file)
        listed.setdefault(file.stem, entry)
    return list(listed.values())
