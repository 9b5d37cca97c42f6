"""The registry of installed plugins and their offers.

`entrypoints` lists the entry-point group "flowrig" without importing anything; pluggy then imports
the small entry modules by name and checks their hooks. The classes of the offers are imported when
a profile that names them is opened.
"""

import difflib
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import entrypoints
import pluggy
from attrs import field, frozen

from flowrig.errors import PluginError
from flowrig.plugins import hookspecs
from flowrig.plugins.offers import DriverOffer, Kind, Offer

__all__ = ["GROUP", "InstalledPlugin", "ListedOffer", "Plugins"]

GROUP = "flowrig"
"""Entry-point group of plugins."""

SESSION = "this session"
"""Distribution name of plugins that a caller passes to `Plugins.discover`."""

_HOOKS = {
    "flowrig_drivers": ("pump", "heater", "spectrometer"),
    "flowrig_optimizers": ("optimizer",),
    "flowrig_surrogates": ("surrogate",),
    "flowrig_objectives": ("objective",),
    "flowrig_worlds": ("world",),
}
"""Kinds of offers of each hook."""


@frozen
class InstalledPlugin:
    """A plugin as its distribution declares it, without an import of the plugin.

    Attributes:
        name: the entry point's name.
        distribution: the distribution that declares it.
        version: the distribution's version.
    """

    name: str
    distribution: str
    version: str

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}".strip()


@frozen
class ListedOffer:
    """An offer with its plugin."""

    plugin: InstalledPlugin
    offer: Offer

    @property
    def table(self) -> str:
        """The kind for look-ups: "driver" for pumps, heaters and spectrometers, else its own."""
        return "driver" if isinstance(self.offer, DriverOffer) else self.offer.kind


@frozen
class Plugins:
    """All offers of installed plugins, by kind and name.

    Attributes:
        listed: every offer with its plugin.
        folders: folders with profiles, each with its plugin.
        broken: by plugin, the reason why it could not be loaded.
    """

    listed: tuple[ListedOffer, ...]
    folders: tuple[tuple[InstalledPlugin, Path], ...] = ()
    broken: Mapping[str, str] = field(factory=dict)

    @classmethod
    def discover(
        cls, extra: Mapping[str, object] | None = None, *, strict: bool = True
    ) -> "Plugins":
        """Find and load every installed plugin.

        Args:
            extra: further plugins by name, as modules or objects, for instance from a notebook.
            strict: whether a plugin that cannot be loaded is an error; otherwise it is listed in
                `broken`.

        Raises:
            PluginError: two distributions claim one entry-point name; or, if strict, a plugin
                cannot be imported, a hook fails or is misspelt, or two plugins have offers of the
                same kind and name.
        """
        loader = _Loader(strict)
        loader.load_installed(installed_plugins())
        for name, plugin in (extra or {}).items():
            loader.register(InstalledPlugin(name, SESSION, ""), plugin)
        loader.refuse_duplicates()
        return cls(tuple(loader.listed), tuple(loader.folders), loader.broken)

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
        """Offers of a kind by name; the kind "driver" is any pump, heater or spectrometer."""
        return {name: listed.offer for name, listed in self._by_kind.get(kind, {}).items()}

    def drivers(self) -> Mapping[str, DriverOffer]:
        """Pumps, heaters and spectrometers by name."""
        return {n: o for n, o in self.offers("driver").items() if isinstance(o, DriverOffer)}

    def offer(self, kind: Kind | str, name: str) -> Offer:
        """The offer of a kind and name.

        Raises:
            PluginError: no plugin has this offer; the message names similar and installed offers.
        """
        known = self.offers(kind)
        if name in known:
            return known[name]
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise PluginError(
            f"no installed plugin offers the {kind} {name!r}{hint} "
            f"(there are: {', '.join(sorted(known)) or 'none'})"
        )

    def owner(self, offer: Offer) -> InstalledPlugin:
        """The plugin of an offer."""
        return next(listed.plugin for listed in self.listed if listed.offer is offer)

    def profile_folders(self) -> tuple[Path, ...]:
        """Folders with profiles of all plugins."""
        return tuple(folder for _, folder in self.folders)


def installed_plugins() -> list[InstalledPlugin]:
    """Plugins of all entry points, in the order of their names; nothing is imported.

    Raises:
        PluginError: two distributions claim one name.
    """
    found: dict[str, InstalledPlugin] = {}
    for entry in entrypoints.get_group_all(GROUP):
        distribution = entry.distro
        plugin = InstalledPlugin(
            entry.name,
            distribution.name.replace("_", "-") if distribution else entry.module_name,
            distribution.version if distribution else "",
        )
        other = found.setdefault(entry.name, plugin)
        if other != plugin:
            raise PluginError(
                f"the plugin name {entry.name!r} is claimed by two distributions: "
                f"{other} and {plugin}; uninstall one of them"
            )
    return [found[name] for name in sorted(found)]


class _Loader:
    """Loads plugins one by one, and keeps either all offers of a plugin or none.

    Args:
        strict: whether a plugin that cannot be loaded is an error; otherwise it is added to
            `broken`.
    """

    def __init__(self, strict: bool) -> None:
        self.listed: list[ListedOffer] = []
        self.folders: list[tuple[InstalledPlugin, Path]] = []
        self.broken: dict[str, str] = {}
        self._strict = strict
        self._manager = pluggy.PluginManager(GROUP)
        self._manager.add_hookspecs(hookspecs)

    def load_installed(self, plugins: Sequence[InstalledPlugin]) -> None:
        for plugin in plugins:
            try:
                self._manager.load_setuptools_entrypoints(GROUP, name=plugin.name)
                self._take(plugin, self._manager.get_plugin(plugin.name))
            except Exception as error:
                self._give_up(plugin, error)

    def register(self, plugin: InstalledPlugin, module: object) -> None:
        try:
            self._manager.register(module, name=plugin.name)
            self._take(plugin, module)
        except Exception as error:
            self._give_up(plugin, error)

    def refuse_duplicates(self) -> None:
        """Refuse equal names of the same kind in two plugins: a profile could mean either."""
        first: dict[tuple[str, str], InstalledPlugin] = {}
        for listed in self.listed:
            plugin, name = listed.plugin, listed.offer.name
            other = first.setdefault((listed.table, name), plugin)
            if other is not plugin:
                self._break(
                    plugin,
                    f"the {listed.table} {name!r} is offered by two plugins: {other.name!r} of "
                    f"{other} and {plugin.name!r} of {plugin}; uninstall one of them",
                )

    def _take(self, plugin: InstalledPlugin, module: object) -> None:
        self._manager.check_pending()
        if module is not None and not self._manager.get_hookcallers(module):
            raise PluginError("it has no hook; put @hookimpl in front of its functions")
        offers = [offer for hook in _HOOKS for offer in self._offers(hook, module)]
        folders = self._results("flowrig_profiles", module)
        self.listed += [ListedOffer(plugin, offer) for offer in offers]
        self.folders += [(plugin, Path(folder)) for folder in folders]

    def _offers(self, hook: str, module: object) -> list[Offer]:
        offers = self._results(hook, module)
        for offer in offers:
            if not isinstance(offer, Offer) or offer.kind not in _HOOKS[hook]:
                kinds = " or ".join(_HOOKS[hook])
                got = f"the kind {offer.kind!r}" if isinstance(offer, Offer) else repr(offer)
                raise PluginError(f"{hook}() offers {got}; expected offers of the kind {kinds}")
        return offers

    def _results(self, hook: str, module: object) -> list[Any]:
        results: list[Any] = []
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            if implementation.plugin is module:
                try:
                    results += implementation.function()
                except Exception as error:
                    raise PluginError(f"{hook}() fails: {type(error).__name__}: {error}") from error
        return results

    def _give_up(self, plugin: InstalledPlugin, error: Exception) -> None:
        self._break(plugin, f"the plugin {plugin.name!r} of {plugin} cannot be loaded: {error}")
        self._manager.unregister(name=plugin.name)

    def _break(self, plugin: InstalledPlugin, message: str) -> None:
        if self._strict:
            raise PluginError(message)
        self.broken[plugin.name] = message
