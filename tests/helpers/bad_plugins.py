"""Plugins that break, in every way that was thought of, and a folder to install them in."""

import sys
from pathlib import Path

import pytest

__all__ = ["BAD_PLUGINS", "HARMLESS_PLUGINS", "install_plugin", "plugin_folder"]

_HOOK = """\
from flowrig.plugins import DriverOffer, Offer, hookimpl
from flowrig.interfaces import DeviceSettings
from flowrig.problem.objective import MaximumResponse

def offer(**changed):
    of = dict(kind="objective", name="odd", target="os:getcwd", settings=MaximumResponse)
    return Offer(**(of | changed))

def driver(**changed):
    of = dict(kind="pump", name="odd-pump", target="os:getcwd", settings=DeviceSettings)
    return DriverOffer(**(of | changed))

@hookimpl
"""


def _objectives(body: str) -> str:
    return f"{_HOOK}def flowrig_objectives():\n    {body}\n"


def _drivers(body: str) -> str:
    return f"{_HOOK}def flowrig_drivers():\n    {body}\n"


BAD_PLUGINS = {
    "import_error": "import no_such_module_at_all",
    "syntax_error": "def broken(:",
    "null_byte": "a = 1\0",
    "raises": "raise RuntimeError('\\x1b[31mred\\x1b[0m\\nand more')",
    "base_exception": "class Odd(BaseException):\n    pass\nraise Odd()",
    "unprintable": "class Odd(Exception):\n    def __str__(self):\n        raise SystemExit(0)\n"
    "raise Odd()",
    "sys_exit": "import sys\nsys.exit(0)",
    "sys_exit_text": "raise SystemExit('bye')",
    "os_exit": "import os\nos._exit(0)",
    "os_exit_by_name": "from os import _exit\n_exit(0)",
    "posix_exit": "import sys\nsys.modules['nt' if sys.platform == 'win32' else 'posix']._exit(0)",
    "exec": "import os, sys\nos.execv(sys.executable, [sys.executable, '-c', ''])",
    "abort": "import os\nos.abort()",
    "keyboard_interrupt": "raise KeyboardInterrupt",
    "generator_exit": "raise GeneratorExit",
    "loop": "while True:\n    pass",
    "sleep": "import time\ntime.sleep(1000)",
    "waits_for_input": "import sys\nassert sys.stdin.read() == ''\nraise ValueError('no input')",
    "recursion": "def f():\n    f()\nf()",
    "memory": "raise MemoryError",
    "signal": "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)",
    "no_hook": "a = 1",
    "unmarked": "def flowrig_drivers():\n    return []",
    "misspelt_hook": _HOOK + "def flowrig_drivres():\n    return []",
    "wrong_arguments": _HOOK + "def flowrig_drivers(config):\n    return []",
    "hook_raises": _objectives("raise KeyError('colour')"),
    "hook_exits": _objectives("raise SystemExit(0)"),
    "hook_loops": _objectives("while True: pass"),
    "hook_sleeps": _objectives("import time; time.sleep(1000)"),
    "returns_none": _objectives("return None"),
    "returns_text": _objectives("return 'objective'"),
    "returns_number": _objectives("return 7"),
    "returns_offer": _objectives("return offer()"),
    "returns_class": _objectives("return [MaximumResponse]"),
    "returns_none_in_list": _objectives("return [None]"),
    "endless_generator": _objectives("return iter(offer, None)"),
    "failing_generator": _objectives("return (1 / 0 for _ in 'a')"),
    "coroutine": _HOOK.replace("@hookimpl\n", "") + "@hookimpl\ndef flowrig_objectives():\n"
    "    async def work():\n        return []\n    return [work]\n",
    "unknown_kind": _objectives("return [offer(kind='centrifuge')]"),
    "other_kind": _objectives("return [offer(kind='optimizer')]"),
    "kind_none": _objectives("return [offer(kind=None)]"),
    "empty_name": _objectives("return [offer(name='')]"),
    "name_none": _objectives("return [offer(name=None)]"),
    "name_control": _objectives("return [offer(name='a\\x1b[2J')]"),
    "target_none": _objectives("return [offer(target=None)]"),
    "settings_none": _objectives("return [offer(settings=None)]"),
    "settings_plain": _objectives("return [offer(settings=dict)]"),
    "summary_none": _objectives("return [offer(summary=None)]"),
    "needs_text": _objectives("return [offer(needs='numpy')]"),
    "offered_twice": _objectives("return [offer(), offer()]"),
    "plain_driver": _drivers("return [Offer(kind='pump', name='x', target='os:getcwd', "
                             "settings=DeviceSettings)]"),
    "limits_none": _drivers("return [driver(limits=None)]"),
    "taken_driver": _drivers("return [driver(name='chemyx-fusion')]"),
    "taken_objective": _objectives("return [offer(name='plqy-proxy')]"),
}  # fmt: skip
"""Source of modules that cannot be used as plugins, by name."""

HARMLESS_PLUGINS = {
    "prints": "import os\nprint('hello')\nos.write(1, b'\\xff\\x1b[2J')\n"
    + _objectives("return [offer(name='prints')]"),
    "changes_folder": "import os\nos.chdir('/')\n"
    + _objectives("return [offer(name='changes-folder')]"),
    "closes_streams": "import os, sys\nfor s in (sys.stdout, sys.stderr, sys.__stdout__):\n"
    "    s.close()\nfor n in (1, 2):\n    try:\n        os.close(n)\n    except OSError:\n"
    "        pass\n" + _objectives("return [offer(name='closes-streams')]"),
    "sets_recursion": "import sys\nsys.setrecursionlimit(90)\n"
    + _objectives("return [offer(name='sets-recursion')]"),
    "sets_timeout": "import socket\nsocket.setdefaulttimeout(0.001)\n"
    + _objectives("return [offer(name='sets-timeout')]"),
    "raises_warnings": "import warnings\nwarnings.simplefilter('error')\n"
    + _objectives("return [offer(name='raises-warnings')]"),
    "starts_threads": "import threading, time\nthreading.Thread(target=time.sleep, args=(1000,), "
    "daemon=False).start()\n" + _objectives("return [offer(name='starts-threads')]"),
    "asks_for_plugins": "from flowrig.plugins.registry import Plugins\n"
    + _objectives("return [offer(name='asks-for-plugins')]"),
}
"""Source of plugins that do to the whole process what they should not, and offer something."""


def plugin_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a folder of Python's path to install plugins in, until the test ends."""
    site = folder / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    return site


def install_plugin(folder: Path, name: str, module: str, entry: str = "") -> None:
    """Install a distribution with one plugin into a folder of Python's path.

    Args:
        folder: the folder.
        name: name of the plugin and of its module; the distribution is `odd-NAME`.
        module: source of the module.
        entry: the entry point, if it is not the module.
    """
    metadata = folder / f"odd_{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Name: odd-{name}\nVersion: 1.0\n", encoding="utf-8")
    text = entry or f"{name} = odd_{name}"
    (metadata / "entry_points.txt").write_text(f"[flowrig]\n{text}\n", encoding="utf-8")
    (folder / f"odd_{name}.py").write_text(module, encoding="utf-8")
    sys.modules.pop(f"odd_{name}", None)
