"""The registry of installed plugins and their offers.

`installed` lists the entry-point group "flowrig" without importing anything; the small entry
modules are then imported, and pluggy checks their hooks. The classes of the offers are imported
when a profile that names them is opened.

A plugin that cannot be loaded is left out, with a warning: it must not keep a person from the other
instruments.
"""

import difflib
import re
import sys
import warnings
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import groupby, islice
from pathlib import Path
from typing import Any

import attrs
import pluggy
from attrs import field, frozen

from flowrig.errors import FlowrigError, PluginError, PluginWarning
from flowrig.plugins import hookspecs
from flowrig.plugins.contained import contained, one_line
from flowrig.plugins.installed import GROUP, HOME, SESSION, InstalledPlugin, find_plugins
from flowrig.plugins.offers import (
    CORE_KINDS,
    AnalysisOffer,
    DriverOffer,
    Kind,
    KindOffer,
    Offer,
    PaperOffer,
)

__all__ = ["InstalledPlugin", "ListedOffer", "Plugins"]

MOST_OFFERS = 1000
"""Largest number of offers of one hook."""

_HOOKS = {
    "flowrig_kinds": ("kind",),
    "flowrig_drivers": (),
    "flowrig_optimizers": ("optimizer",),
    "flowrig_surrogates": ("surrogate",),
    "flowrig_objectives": ("objective",),
    "flowrig_analyses": ("analysis",),
    "flowrig_studies": ("study",),
    "flowrig_quality": ("quality",),
    "flowrig_gallery": ("paper",),
    "flowrig_views": ("view",),
    "flowrig_observers": ("observer",),
    "flowrig_worlds": ("world",),
    "flowrig_chemistries": ("chemistry",),
}
"""Kinds of offers of each hook; a driver can be of any kind of device."""

_NO_DEVICES = ("driver", *(kind for kinds in _HOOKS.values() for kind in kinds))
"""Words that no kind of device can have."""

_KIND = re.compile(r"[a-z][a-z0-9_-]{0,39}")

_told: set[str] = set()
"""Warnings of this process, each given once."""


@frozen
class ListedOffer:
    """An offer with its plugin."""

    plugin: InstalledPlugin
    offer: Offer

    @property
    def table(self) -> str:
        """The kind for look-ups: "driver" for drivers of any kind of device, else its own."""
        return "driver" if isinstance(self.offer, DriverOffer) else self.offer.kind


@frozen
class Plugins:
    """All offers of installed plugins, by kind and name.

    Attributes:
        listed: every offer with its plugin.
        folders: folders with profiles, each with its plugin.
        broken: by plugin, the reason why it could not be loaded.
        contested: by kind and name, why an offer cannot be used: two plugins have it, or it is a
            driver of a kind that no plugin offers.
        unread: a sentence for each declaration of plugins that could not be read.
    """

    listed: tuple[ListedOffer, ...]
    folders: tuple[tuple[InstalledPlugin, Path], ...] = ()
    broken: Mapping[str, str] = field(factory=dict)
    contested: Mapping[tuple[str, str], str] = field(factory=dict)
    unread: tuple[str, ...] = ()

    @classmethod
    def discover(
        cls,
        extra: Mapping[str, object] | None = None,
        *,
        strict: bool = False,
        warn: bool = True,
    ) -> "Plugins":
        """Find and load every installed plugin.

        A plugin that cannot be loaded is listed in `broken` and left out. Where two distributions
        claim one name, the shipped plugin keeps it; between two others neither gets it.

        Args:
            extra: further plugins by name, as modules or objects, for instance from a notebook.
            strict: whether a plugin that cannot be loaded is an error.
            warn: whether each plugin that is left out is told by a `PluginWarning`, once a process.

        Raises:
            PluginError: if strict, a plugin cannot be imported, a hook fails or is misspelt, or two
                plugins have the same name, or offers of the same kind and name.
        """
        loader = _Loader()
        for _, same in groupby(_find_into(loader), key=lambda one: one.name):
            loader.load_one_of(list(same))
        for name, module in (extra or {}).items():
            loader.load(InstalledPlugin(name, SESSION, ""), module)
        loader.settle_duplicates()
        loader.settle_kinds()
        told = (*loader.broken.values(), *loader.contested.values(), *loader.unread)
        if strict and told:
            raise PluginError(told[0])
        if warn:
            _warn_once(told)
        return loader.plugins(cls)

    @classmethod
    def only(
        cls,
        wanted: Collection[tuple[str, str]],
        first: Collection[str] = (),
        limit_s: float | None = None,
    ) -> "Plugins":
        """Load the plugins of some offers and no other, for a rig that must be made safe.

        Nothing is raised: what cannot be loaded is in `broken`. Of two plugins with the same offer
        the first in this order is taken: those in `first` by name and distribution, those of
        flowrig, those whose distribution is in `first`, all others.

        Args:
            wanted: kind and name of each offer; the kind of a driver is "driver".
            first: keys of plugins, and names of distributions.
            limit_s: longest time [s, real time] for each plugin.
        """
        loader = _Loader()

        def rank(plugin: InstalledPlugin) -> int:
            if plugin.key in first:
                return 0
            return 1 if plugin.distribution == HOME else 2 if plugin.distribution in first else 3

        for plugin in sorted(_find_into(loader), key=rank):
            if {(one.table, one.offer.name) for one in loader.listed} >= set(wanted):
                break
            loader.load(plugin, limit_s=limit_s)
        return loader.plugins(cls)

    @property
    def all_installed(self) -> bool:
        """Whether another process finds the same plugins; false with plugins in `extra`."""
        plugins = [listed.plugin for listed in self.listed] + [plugin for plugin, _ in self.folders]
        return all(plugin.distribution != SESSION for plugin in plugins)

    @cached_property
    def _by_kind(self) -> dict[str, dict[str, ListedOffer]]:
        table: dict[str, dict[str, ListedOffer]] = {}
        for listed in self.listed:
            table.setdefault(listed.table, {}).setdefault(listed.offer.name, listed)
        return table

    def offers(self, kind: str) -> Mapping[str, Offer]:
        """Offers of a kind by name; the kind "driver" is that of all devices."""
        return {name: listed.offer for name, listed in self._by_kind.get(kind, {}).items()}

    def drivers(self) -> Mapping[str, DriverOffer]:
        """Drivers of devices of all kinds, by name."""
        return {n: o for n, o in self.offers("driver").items() if isinstance(o, DriverOffer)}

    def kinds(self) -> Mapping[str, KindOffer]:
        """Kinds of devices by name, without those of the core."""
        return {n: o for n, o in self.offers("kind").items() if isinstance(o, KindOffer)}

    def offer(self, kind: Kind | str, name: str) -> Offer:
        """The offer of a kind and name.

        Raises:
            PluginError: no plugin has this offer, two have it, or it cannot be used; the message
                names similar and
                installed offers, and plugins that could not be loaded.
        """
        known = self.offers(kind)
        if name in known:
            return known[name]
        if (kind, name) in self.contested:
            raise PluginError("it cannot be used", [self.contested[kind, name]])
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise PluginError(
            f"no installed plugin offers the {kind} {name!r}{hint} "
            f"(there are: {', '.join(sorted(known)) or 'none'})",
            list(self.broken.values()),
        )

    def owner(self, offer: Offer) -> InstalledPlugin:
        """The plugin of an offer."""
        return next(listed.plugin for listed in self.listed if listed.offer is offer)

    def profile_folders(self) -> tuple[Path, ...]:
        """Folders with profiles of all plugins."""
        return tuple(folder for _, folder in self.folders)


def _find_into(loader: "_Loader") -> list[InstalledPlugin]:
    """All installed plugins; what cannot be read is noted in the loader."""
    plugins, loader.unread = find_plugins()
    return plugins


def _warn_once(messages: Iterable[str]) -> None:
    for message in messages:
        if message not in _told:
            _told.add(message)
            warnings.warn(f"{message}; flowrig goes on without it", PluginWarning, stacklevel=3)


_ours: dict[str, tuple[object, list[Offer], list[Path]]] = {}
"""What the shipped plugins have offered, by the name of their module, with the module itself."""


def _known(plugin: InstalledPlugin) -> tuple[list[Offer], list[Path]] | None:
    """What a shipped plugin has offered before in this process; None where that is not known."""
    name = _module_of(plugin)
    if name not in _ours or _ours[name][0] is not sys.modules.get(name):
        return None
    return _ours[name][1:]


def _keep(plugin: InstalledPlugin, offers: list[Offer], folders: list[Path]) -> None:
    if name := _module_of(plugin):
        _ours[name] = sys.modules.get(name), offers, folders


def _module_of(plugin: InstalledPlugin) -> str:
    """Name of the module that a shipped plugin is; empty for every other one."""
    is_ours = plugin.distribution == HOME and not getattr(plugin.entry, "object_name", None)
    return str(getattr(plugin.entry, "module_name", "")) if is_ours else ""


class _Loader:
    """Loads plugins one by one, and keeps either all offers of a plugin or none."""

    def __init__(self) -> None:
        self.listed: list[ListedOffer] = []
        self.folders: list[tuple[InstalledPlugin, Path]] = []
        self.broken: dict[str, str] = {}
        self.contested: dict[tuple[str, str], str] = {}
        self.unread: list[str] = []

    def plugins(self, cls: type[Plugins]) -> Plugins:
        """What was loaded."""
        return cls(
            tuple(self.listed), tuple(self.folders), self.broken, self.contested, tuple(self.unread)
        )

    def load_one_of(self, same: Sequence[InstalledPlugin]) -> None:
        """Load the plugin of a name; of several only that of flowrig itself."""
        ours = [plugin for plugin in same if plugin.distribution == HOME]
        chosen = same[0] if len(same) == 1 else ours[0] if ours else None
        for plugin in same:
            if plugin is chosen:
                self.load(plugin)
            else:
                self._break(
                    plugin,
                    f"the plugin name {plugin.name!r} is claimed by {len(same)} distributions: "
                    f"{' and '.join(map(str, same))}; uninstall one of them",
                )

    def load(
        self, plugin: InstalledPlugin, module: object = None, limit_s: float | None = None
    ) -> None:
        """Load a plugin, from its entry point unless its module is given."""
        try:
            offers, folders = (_known(plugin) if module is None else None) or contained(
                lambda: _ask(plugin.entry.load() if module is None else module, plugin.name),
                limit_s,
            )
        except FlowrigError as error:
            self._break(plugin, f"the plugin {plugin.label} cannot be loaded: {one_line(error)}")
            return
        if module is None:
            _keep(plugin, offers, folders)
        self.listed += [ListedOffer(plugin, offer) for offer in offers]
        self.folders += [(plugin, folder) for folder in folders]

    def settle_duplicates(self) -> None:
        """Give a name that two plugins offer to the shipped one, else to none of them."""
        owners: dict[tuple[str, str], list[InstalledPlugin]] = {}
        for one in self.listed:
            owners.setdefault((one.table, one.offer.name), []).append(one.plugin)
        left_out: dict[tuple[str, str], list[InstalledPlugin]] = {}
        for (table, name), plugins in owners.items():
            if len(plugins) == 1:
                continue
            ours = [plugin for plugin in plugins if plugin.distribution == HOME]
            named = " and ".join(plugin.label for plugin in plugins)
            text = f"the {table} {name!r} is offered by {len(plugins)} plugins: {named}; "
            text += "uninstall one of them"
            left_out[table, name] = [plugin for plugin in plugins if plugin not in ours[:1]]
            if ours:
                for plugin in left_out[table, name]:
                    self._break(plugin, text)
            else:
                self.contested[table, name] = text
        self.listed = [
            one
            for one in self.listed
            if one.plugin not in left_out.get((one.table, one.offer.name), ())
        ]

    def settle_kinds(self) -> None:
        """Leave out drivers of a kind that no plugin offers; only their own profiles need them."""
        kinds = {*CORE_KINDS, *(one.offer.name for one in self.listed if one.table == "kind")}
        for one in self.listed:
            if one.table == "driver" and one.offer.kind not in kinds:
                self.contested["driver", one.offer.name] = (
                    f"the driver {one.offer.name!r} of the plugin {one.plugin.label} is for the "
                    f"kind of device {one.offer.kind!r}, which no installed plugin offers"
                )
        self.listed = [
            one for one in self.listed if one.table != "driver" or one.offer.kind in kinds
        ]

    def _break(self, plugin: InstalledPlugin, message: str) -> None:
        key = plugin.name if plugin.name not in self.broken else plugin.label
        self.broken[key] = message


def _ask(module: object, name: str) -> tuple[list[Offer], list[Path]]:
    """Ask the hooks of a plugin for its offers and its folders with profiles."""
    manager = pluggy.PluginManager(GROUP)  # one for each plugin: none sees the hooks of another
    manager.add_hookspecs(hookspecs)
    manager.register(module, name=name)
    manager.check_pending()
    if not manager.get_hookcallers(module):
        raise PluginError("it has no hook; put @hookimpl in front of its functions")
    offers = [offer for hook in _HOOKS for offer in _offers(manager, hook)]
    names = [("driver" if isinstance(o, DriverOffer) else o.kind, o.name) for o in offers]
    for table, twice in {one for one in names if names.count(one) > 1}:
        raise PluginError(f"it offers the {table} {twice!r} twice")
    return offers, [Path(one) for one in _results(manager, "flowrig_profiles")]


def _offers(manager: pluggy.PluginManager, hook: str) -> list[Offer]:
    offers = _results(manager, hook)
    for offer in offers:
        if not isinstance(offer, Offer) or not _fits(hook, offer.kind):
            got = f"the kind {offer.kind!r}" if isinstance(offer, Offer) else one_line(repr(offer))
            kinds = " or ".join(_HOOKS[hook]) or "of a device"
            raise PluginError(f"{hook}() offers {got}; expected offers of the kind {kinds}")
        _require_sound(offer, hook)
        wanted = _CLASSES.get(hook, Offer)
        if not isinstance(offer, wanted):
            raise PluginError(
                f"{hook}() offers {offer.name!r} as {type(offer).__name__}; expected a "
                f"{wanted.__name__}"
            )
    return offers


_CLASSES: Mapping[str, type[Offer]] = {
    "flowrig_analyses": AnalysisOffer,
    "flowrig_drivers": DriverOffer,
    "flowrig_gallery": PaperOffer,
    "flowrig_kinds": KindOffer,
}
"""The classes of offers of hooks that take no plain offer."""


def _fits(hook: str, kind: object) -> bool:
    """Whether offers of a hook can be of a kind."""
    if hook != "flowrig_drivers":
        return kind in _HOOKS[hook]
    return isinstance(kind, str) and bool(_KIND.fullmatch(kind)) and kind not in _NO_DEVICES


def _require_sound(offer: Offer, hook: str) -> None:
    """Refuse an offer whose values no command could use."""
    wanted: dict[str, type] = {
        "name": str,
        "target": str,
        "summary": str,
        "needs": tuple,
        "install": str,
    }
    if isinstance(offer, DriverOffer):
        wanted |= {"emulator": str, "reply_shape": str, "discover": str, "limits": Mapping}
        wanted["example"] = Mapping
    if isinstance(offer, KindOffer):
        wanted |= dict.fromkeys(("interface", "body", "conformance", "template"), str)
    if isinstance(offer, AnalysisOffer):
        wanted |= {"unit": str, "needs_light": bool, "quantities": Mapping}
    if isinstance(offer, PaperOffer):
        wanted |= {"doi": str, "source": str}
    for key, kind in wanted.items():
        if not isinstance(getattr(offer, key), kind):
            raise PluginError(
                f"{hook}() offers {one_line(repr(offer.name))} with {key} = "
                f"{one_line(repr(getattr(offer, key)))}; expected a {kind.__name__}"
            )
    if not offer.name or not offer.name.isprintable() or offer.name != offer.name.strip():
        raise PluginError(f"{hook}() offers the name {offer.name!r}; expected a word")
    if isinstance(offer, KindOffer) and not _is_free(offer.name):
        raise PluginError(
            f"{hook}() offers the kind of device {offer.name!r}; expected a word of lower-case "
            f"letters that is none of {', '.join((*CORE_KINDS, *_NO_DEVICES))}"
        )
    if not (isinstance(offer.settings, type) and attrs.has(offer.settings)):
        raise PluginError(f"{hook}() offers {offer.name!r} whose settings are no attrs class")


def _is_free(word: str) -> bool:
    """Whether a plugin can call a kind of device so."""
    return bool(_KIND.fullmatch(word)) and word not in (*CORE_KINDS, *_NO_DEVICES)


def _results(manager: pluggy.PluginManager, hook: str) -> list[Any]:
    results: list[Any] = []
    for implementation in getattr(manager.hook, hook).get_hookimpls():
        try:
            some = implementation.function()
            if some is None or isinstance(some, str | bytes | Mapping | Offer):
                raise PluginError(f"returns {one_line(repr(some))}; expected a list")
            results += islice(some, MOST_OFFERS + 1)
        except PluginError as error:
            raise PluginError(f"{hook}() {error}") from error
        except Exception as error:
            raise PluginError(
                f"{hook}() fails: {type(error).__name__}: {one_line(error)}"
            ) from error
        if len(results) > MOST_OFFERS:
            raise PluginError(f"{hook}() offers more than {MOST_OFFERS}")
    return results
