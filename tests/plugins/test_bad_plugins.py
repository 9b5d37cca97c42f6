"""Plugins that break: told by name and distribution, left out, and harmless to everything else."""

import json
import os
import signal
import socket
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from bad_plugins import BAD_PLUGINS, HARMLESS_PLUGINS, install_plugin, plugin_folder

from flowrig.errors import PluginError, PluginWarning
from flowrig.plugins import contained, registry
from flowrig.plugins.offers import import_target
from flowrig.plugins.registry import Plugins

SHIPPED = {"chemyx-fusion", "watlow-f4t", "ocean-hdx"}
LIMIT_S = 0.5
"""Longest time for the import of a plugin, where one of them never ends."""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of Python's path to install plugins in."""
    return plugin_folder(tmp_path, monkeypatch)


def state() -> tuple[object, ...]:
    """What belongs to the whole process."""
    return (
        Path.cwd(), sys.stdin, sys.stdout, sys.stderr, os._exit, sys.getrecursionlimit(),
        socket.getdefaulttimeout(), signal.getsignal(signal.SIGINT), list(warnings.filters),
    )  # fmt: skip


@pytest.mark.parametrize("name", BAD_PLUGINS)
def test_a_plugin_that_breaks_is_left_out(
    path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is named with its distribution, in one line; every other plugin is there."""
    hangs = name in ("loop", "sleep", "hook_loops", "hook_sleeps")
    if hangs:  # those of flowrig are imported already, and return at once
        Plugins.discover()
        monkeypatch.setattr(contained, "IMPORT_LIMIT_S", LIMIT_S)
    install_plugin(path, name, BAD_PLUGINS[name])
    before = state()
    plugins = Plugins.discover(warn=False)
    assert state() == before
    assert set(plugins.drivers()) >= SHIPPED
    (reason,) = plugins.broken.values()
    assert f"{name!r} of odd-{name.replace('_', '-')} 1.0" in reason
    assert reason.isprintable()
    assert not hangs or "does not return" in reason


@pytest.mark.parametrize("name", ["sleep", "hook_sleeps", "loop"])
def test_a_plugin_that_does_not_return_leaves_debuggers_usable(path: Path, name: str) -> None:
    """Functions that are traced afterwards return; a debugger and a coverage tool trace them."""
    install_plugin(path, name, BAD_PLUGINS[name])
    code = (
        "import os, sys\n"
        "from flowrig.plugins import contained\n"
        "from flowrig.plugins.registry import Plugins\n"
        "def traced(): return 'returned'\n"
        f"contained.IMPORT_LIMIT_S = {LIMIT_S}\n"
        "Plugins.discover(warn=False)\n"
        "sys.settrace(lambda *event: None)\n"
        "print(traced(), flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *sys.path])},
        capture_output=True,
        text=True,
        check=True,
        timeout=200,
    )
    assert done.stdout == "returned\n"


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(list(HARMLESS_PLUGINS), id="all"),
        *(pytest.param([name], id=name, marks=pytest.mark.slow) for name in HARMLESS_PLUGINS),
    ],
)
def test_what_a_plugin_does_to_the_process_is_undone(path: Path, names: list[str]) -> None:
    """In a process of its own, the plugins are listed as JSON, and the process ends."""
    for name in names:
        install_plugin(path, name, HARMLESS_PLUGINS[name])
    done = subprocess.run(
        [sys.executable, "-m", "flowrig", "plugins", "--json"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(path), *sys.path])},
        capture_output=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stderr
    listed = {row["name"] for row in json.loads(done.stdout)["plugins"]}
    assert listed > SHIPPED | {name.replace("_", "-") for name in names}


def test_every_broken_plugin_is_told_once(
    path: Path, monkeypatch: pytest.MonkeyPatch, flowrig: object, short: object
) -> None:
    """A command warns of each of them in one line, and does its work."""
    monkeypatch.setattr(registry, "_told", set())
    for name in ("import_error", "sys_exit", "taken_driver"):
        install_plugin(path, name, BAD_PLUGINS[name])
    done = flowrig("check", short())  # type: ignore[operator]
    told = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert len(told) == len(done.stderr.splitlines()) == 3
    assert "'sys_exit' of odd-sys-exit 1.0" in "".join(told)
    assert "is sound" in done.stdout
    assert not flowrig("check", short()).stderr  # type: ignore[operator]


def test_in_a_notebook_a_broken_plugin_is_a_warning(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the plugin, and comes once."""
    monkeypatch.setattr(registry, "_told", set())
    install_plugin(path, "raises", BAD_PLUGINS["raises"])
    with pytest.warns(PluginWarning, match=r"'raises' of odd-raises 1\.0.*goes on without it"):
        Plugins.discover()
    Plugins.discover()


def test_a_profile_that_needs_a_broken_plugin_is_refused_with_its_reason(
    path: Path, monkeypatch: pytest.MonkeyPatch, flowrig: object, short: object
) -> None:
    """The reason is that of the import."""
    monkeypatch.setattr(registry, "_told", {"all"})
    install_plugin(path, "import_error", BAD_PLUGINS["import_error"])
    profile: Path = short()  # type: ignore[operator]
    text = profile.read_text(encoding="utf-8")
    profile.write_text(text + '\n[devices.plate]\ndriver = "odd-heater"\naddress = "a"\n')
    done = flowrig("check", profile, code=2)  # type: ignore[operator]
    (line,) = (line for line in done.stderr.splitlines() if "odd-heater" in line)
    assert "no_such_module_at_all" in line


@pytest.mark.parametrize(
    "text",
    [
        b"[flowrig\nx = y\n", b"x = y\n", b"[flowrig]\nx\n", b"\xff\xfe\x00", b"[flowrig]\n = a\n",
        b"[a]\nb = c\n[a]\nb = c\n", b"[flowrig]\nx = %(y)s\n", b"[flowrig]\nx = a b c d\n",
        b"[flowrig]\nx = a\nx = b\n",
    ],
)  # fmt: skip
def test_a_malformed_declaration_hides_no_other(path: Path, text: bytes) -> None:
    """Whatever a distribution has in its entry_points.txt, the other plugins are found."""
    install_plugin(path, "sound", HARMLESS_PLUGINS["asks_for_plugins"])
    install_plugin(path, "malformed", "")
    (path / "odd_malformed-1.0.dist-info" / "entry_points.txt").write_bytes(text)
    plugins = Plugins.discover(warn=False)
    assert "asks-for-plugins" in plugins.offers("objective")
    assert set(plugins.drivers()) >= SHIPPED
    assert plugins.unread or plugins.broken


def test_two_third_parties_with_one_name_are_both_left_out(path: Path) -> None:
    """Nobody can know which is meant; the reason names both, and a shipped name is not lost."""
    module = HARMLESS_PLUGINS["asks_for_plugins"]
    install_plugin(path, "one", module)
    install_plugin(path, "two", module, "one = odd_two")
    install_plugin(path, "three", module, "chemyx = odd_three")
    plugins = Plugins.discover(warn=False)
    assert "asks-for-plugins" not in plugins.offers("objective")
    assert "chemyx-fusion" in plugins.drivers()
    assert "odd-one 1.0 and odd-two 1.0" in plugins.broken["one"]
    assert "flowrig" in plugins.broken["chemyx"]


def test_two_third_parties_with_one_offer_lose_that_offer(path: Path) -> None:
    """A profile that names it is refused with both names; their other offers are there."""
    for name in ("one", "two"):
        module = HARMLESS_PLUGINS["asks_for_plugins"].replace(
            "return [", f"return [offer(name='of-{name}'), "
        )
        install_plugin(path, name, module)
    plugins = Plugins.discover(warn=False)
    assert {"of-one", "of-two"} < set(plugins.offers("objective"))
    with pytest.raises(PluginError, match=r"'one' of odd-one 1\.0 and 'two' of odd-two 1\.0"):
        plugins.offer("objective", "asks-for-plugins")


@pytest.mark.parametrize(
    "module", ["sys_exit", "os_exit", "syntax_error", "raises", "keyboard_interrupt", "memory"]
)
def test_a_driver_whose_import_breaks_is_an_error_with_its_reason(path: Path, module: str) -> None:
    """The class of an offer is imported in the same way as the plugin."""
    install_plugin(path, module, BAD_PLUGINS[module])
    with pytest.raises(PluginError, match="which does not load"):
        import_target(f"odd_{module}:Driver", "the driver 'odd'")


def test_only_the_plugins_of_some_offers_are_loaded(path: Path) -> None:
    """Broken plugins that a rig does not need are not even imported."""
    for name in ("sys_exit", "loop"):
        install_plugin(path, name, BAD_PLUGINS[name])
    plugins = Plugins.only({("driver", "chemyx-fusion")}, {"chemyx of flowrig"})
    assert set(plugins.drivers()) == {"chemyx-fusion"}
    assert not plugins.broken
    assert "odd_loop" not in sys.modules
