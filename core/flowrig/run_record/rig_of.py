"""The rig of a run, loaded so that nothing but its own drivers can keep it from being made safe."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import evolve

from flowrig.errors import FlowrigError, InputError
from flowrig.journal.events import RunStarted
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.contained import contained, one_line
from flowrig.plugins.offers import CORE_KINDS, DriverOffer
from flowrig.plugins.registry import InstalledPlugin, ListedOffer, Plugins
from flowrig.profile import DeviceEntry, Profile, load_rig_alone, read_profile_text
from flowrig.profile.model import DEFAULT_SIMULATION
from flowrig.profile.structure import Structurer
from flowrig.rig.missing_driver import OTHER, MissingSettings, stand_in
from flowrig.run_record.changes import PROFILE_NAME, basis_of
from flowrig.run_record.reader import LoadedRun

__all__ = ["missing_drivers", "rig_of"]

LIMIT_S: Final = 20.0
"""Longest time [s, real time] for the import of one plugin or driver: a rig waits for it, hot."""


def rig_of(folder: Path | str) -> LoadedRun:
    """Load the rig of a run for its safe state, and no plugin that the rig does not need.

    An instrument whose driver cannot be loaded is replaced by a stand-in, which answers every
    request with the reason. The profile has no campaign and no objective unless the drivers'
    plugins offer what they name.

    Args:
        folder: the run's folder.

    Raises:
        InputError: this is not the folder of a run, or its profile cannot be read.
    """
    folder = Path(folder)
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        start = next(iter(journal.events(RunStarted)), None)
        if start is None:
            raise InputError(
                f"the run in {folder} was interrupted before it began, and nothing has moved; "
                "delete the folder and run again"
            )
        basis, examined = basis_of(journal), journal.examined
    file = folder / PROFILE_NAME
    text = _text(file) if basis.profile_toml is None else basis.profile_toml
    source = read_profile_text(text, str(file), _NONE)
    content = source.document.content
    drivers = _values(_tables(content, "devices").values(), "driver")
    wanted = {("driver", str(name)) for name in drivers}
    if start.data.simulated:
        wanted |= _simulation_offers(content)
        channels = _tables(_table(content, "analysis"), "channels").values()
        wanted |= {("analysis", str(name)) for name in _values(channels, "use")}
    first = {*basis.drivers.values(), *basis.versions}
    plugins = Plugins.only(wanted, first, LIMIT_S)
    kinds = {("kind", one.kind) for one in plugins.drivers().values() if one.kind not in CORE_KINDS}
    if not kinds <= {("kind", name) for name in plugins.kinds()}:
        plugins = Plugins.only(wanted | kinds, first, LIMIT_S)
    tables, offers = _with_stand_ins(content, plugins)
    nobody = InstalledPlugin("missing", "", "")
    listed = (*plugins.listed, *(ListedOffer(nobody, offer) for offer in (*offers, OTHER)))
    source = evolve(source, plugins=evolve(plugins, listed=listed))
    profile = load_rig_alone(source.with_table("devices", tables))
    return LoadedRun(plugins, evolve(profile, digest=source.document.digest), examined)


def missing_drivers(profile: Profile) -> dict[str, str]:
    """By device, why its driver cannot be loaded; empty if all can."""
    settings = {name: entry.settings for name, entry in profile.devices.items()}
    return {n: one.reason for n, one in settings.items() if isinstance(one, MissingSettings)}


def _simulation_offers(content: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Kind and name of the world of a simulated rig, and of its chemistry."""
    table = {"world": DEFAULT_SIMULATION["world"], **content.get("simulation", DEFAULT_SIMULATION)}
    chemistry = table.get("chemistry")
    if isinstance(chemistry, Mapping):
        chemistry = chemistry.get("name")
    named = {("world", table["world"]), ("chemistry", chemistry)}
    return {(kind, name) for kind, name in named if isinstance(name, str)}


_NONE: Final = Plugins(())


def _text(file: Path) -> str:
    """The text of the profile of a run whose journal does not hold it."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error


def _with_stand_ins(
    content: Mapping[str, Any], plugins: Plugins
) -> tuple[dict[str, Any], list[DriverOffer]]:
    """Tables of the devices, with stand-ins where a driver cannot be loaded, and their offers."""
    tables, offers = dict(_tables(content, "devices")), []
    for device, table in tables.items():
        reason = _why_not(device, table, plugins)
        if not reason:
            continue
        driver = str(table.get("driver", ""))
        offer = stand_in(_kind(device, content, plugins.drivers().get(driver)), driver)
        offers.append(evolve(offer, name=f"{driver} of {device}"))
        address = str(table.get("address", ""))
        tables[device] = {"driver": offers[-1].name, "address": address, "reason": reason}
        if offer.kind == OTHER.name:
            safe = str(table.get("safe", "its safe value"))
            tables[device] |= {"safe": safe, "state": safe}
    return tables, offers


def _why_not(device: str, table: Mapping[str, Any], plugins: Plugins) -> str:
    """Why the driver of a device cannot be used; empty if it can."""
    try:
        offer = plugins.offer("driver", str(table.get("driver", "")))
        wanted = Mapping[str, DeviceEntry]
        _, wrong = Structurer(plugins).structure({device: dict(table)}, wanted, ("devices",))
        if wrong:
            return f"its settings do not fit the driver any more: {one_line(wrong[0].message)}"
        contained(offer.load, LIMIT_S)
    except FlowrigError as error:
        return f"its driver cannot be loaded: {error}"
    return ""


def _kind(device: str, content: Mapping[str, Any], offer: DriverOffer | None) -> str:
    """The kind of a device for a stand-in: that of its driver, else as the profile uses it."""
    kind = None if offer is None else offer.kind
    if kind == "pump" or device in _driving(content):
        return "pump"
    if kind == "spectrometer":
        return "spectrometer"
    components = _tables(content, "path").values()
    words = {key for one in components for key, value in one.items() if value == device}
    words |= {"device" for one in components if device in one.get("devices", ())}
    table = _tables(content, "devices").get(device, {})
    is_told = "safe" in table or device in content.get("settings", {})
    if (kind not in (None, *CORE_KINDS)) or is_told or words - {"heater", "spectrometer"}:
        return OTHER.name
    heated = [*_tables(content, "path").values(), *_space(content)]
    steps = content.get("safe_state", ())
    named = {heater for step in steps for heater in step.get("heaters", ())}
    if kind == "heater" or device in {*named, *_values(heated, "heater")}:
        return "heater"
    return "spectrometer"


def _space(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The variables, written as an array or by name."""
    found = content.get("space", ())
    entries = found.values() if isinstance(found, Mapping) else found
    return [dict(one) for one in entries if isinstance(one, Mapping)]


def _driving(content: Mapping[str, Any]) -> set[str]:
    """The devices that streams name: by `pump`, `device`, or the word of a kind."""
    others = {"contents", "role", "to", "phase"}
    return {
        value
        for stream in _tables(content, "streams").values()
        for key, value in stream.items()
        if isinstance(value, str) and key not in others
    }


def _table(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = content.get(key, {})
    return dict(found) if isinstance(found, Mapping) else {}


def _tables(content: Mapping[str, Any], key: str) -> dict[str, dict[str, Any]]:
    found = content.get(key, {})
    return {n: dict(one) for n, one in found.items() if isinstance(one, dict)}


def _values(tables: Any, key: str) -> Iterator[Any]:
    return (table[key] for table in tables if key in table)
