"""Discovery of plugins."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from flowrig.errors import MissingDependencyError, PluginError
from flowrig.plugins import hookimpl, installed
from flowrig.plugins.offers import Offer, require_installed
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import MaximumResponse

SHIPPED = {
    "driver": {
        "chemyx-fusion",
        "new-era",
        "vici",
        "alicat",
        "zaber",
        "ssi-hplc",
        "scpi-sensor",
        "modbus-sensor",
        "watlow-f4t",
        "ocean-hdx",
    },
    "optimizer": {"bayes", "lhs", "random"},
    "surrogate": {"gp", "enn", "mean-of"},
    "objective": {"plqy-proxy", "maximum"},
    "world": {"fluidic"},
}


def offering(name: str, *, needs: tuple[str, ...] = ()) -> object:
    """A plugin that offers one objective."""

    class Plugin:
        @hookimpl
        def flowrig_objectives(self) -> Sequence[Offer]:
            return [
                Offer(
                    kind="objective",
                    name=name,
                    target="flowrig.problem.objective:MaximumResponse",
                    settings=MaximumResponse,
                    needs=needs,
                    install="acme[all]",
                )
            ]

    return Plugin()


def test_shipped_plugins_come_through_the_entry_points() -> None:
    """Everything that flowrig ships is found like a third party's plugin."""
    plugins = Plugins.discover()
    for kind, names in SHIPPED.items():
        assert names <= set(plugins.offers(kind))


def test_a_plugin_of_ones_own_is_found() -> None:
    """A plugin that is handed over, as from a notebook, is looked up by kind and name."""
    plugins = Plugins.discover(extra={"mine": offering("yield")})
    assert plugins.offer("objective", "yield").load() is MaximumResponse


def test_an_unknown_name_gets_the_nearest() -> None:
    """The error names what was meant, and what there is."""
    with pytest.raises(PluginError, match="did you mean 'plqy-proxy'"):
        Plugins.discover().offer("objective", "plqy-poxy")


def test_two_plugins_that_offer_one_name_are_refused() -> None:
    """The error names both, once; the list of plugins shows them as broken."""
    extra = {"mine": offering("plqy-proxy")}
    with pytest.raises(PluginError, match=r"'standard' of flowrig .* and 'mine' of this session"):
        Plugins.discover(extra=extra, strict=True)
    assert "uninstall one" in Plugins.discover(extra=extra, warn=False).broken["mine"]


def test_a_hook_that_fails_breaks_its_plugin_alone() -> None:
    """The error names plugin and hook; nothing of the plugin is kept, all others are."""

    class Failing:
        @hookimpl
        def flowrig_objectives(self) -> Sequence[Offer]:
            raise KeyError("colour")

    with pytest.raises(PluginError, match=r"'mine'.*flowrig_objectives\(\) fails: KeyError"):
        Plugins.discover(extra={"mine": Failing()}, strict=True)
    plugins = Plugins.discover(extra={"mine": Failing()}, warn=False)
    assert "mine" in plugins.broken
    assert SHIPPED["objective"] <= set(plugins.offers("objective"))


def test_an_offer_of_another_kind_than_its_hook_is_refused() -> None:
    """What would never be found is an error."""

    class Mistaken:
        @hookimpl
        def flowrig_optimizers(self) -> Sequence[Offer]:
            return offering("yield").flowrig_objectives()  # type: ignore[attr-defined, no-any-return]

    with pytest.raises(PluginError, match=r"offers the kind 'objective'; expected .* optimizer"):
        Plugins.discover(extra={"mine": Mistaken()}, strict=True)


def test_a_plugin_without_a_hook_is_told() -> None:
    """A forgotten @hookimpl does not pass in silence."""

    class Silent:
        def flowrig_objectives(self) -> Sequence[Offer]:
            return []

    with pytest.raises(PluginError, match=r"'mine'.* has no hook; put @hookimpl"):
        Plugins.discover(extra={"mine": Silent()}, strict=True)


def test_a_misspelt_hook_is_an_error() -> None:
    """A hook that flowrig does not know names the plugin that has it."""

    class Misspelt:
        @hookimpl
        def flowrig_objetives(self) -> Sequence[Offer]:
            return []

    with pytest.raises(PluginError, match=r"'mine'.*flowrig_objetives"):
        Plugins.discover(extra={"mine": Misspelt()}, strict=True)
    assert "mine" in Plugins.discover(extra={"mine": Misspelt()}, warn=False).broken


def test_a_missing_package_is_one_line() -> None:
    """It says what to install."""
    plugins = Plugins.discover(extra={"mine": offering("yield", needs=("no_such_package",))})
    with pytest.raises(MissingDependencyError, match=r"pip install 'acme\[all\]'") as caught:
        plugins.offer("objective", "yield").load()
    assert "\n" not in str(caught.value)


def test_all_that_is_missing_is_one_command() -> None:
    """Extras of one distribution share their brackets; what is there, or named twice, is not."""

    def offer(name: str, need: str, install: str) -> Offer:
        return Offer(
            kind="pump", name=name, target="", settings=dict, needs=(need,), install=install
        )

    one, two = offer("one", "no_such_one", "rig[b,c]"), offer("two", "no_such_two", "rig[a,b]")
    other, there = offer("other", "no_such_three", ""), offer("there", "json", "rig[d]")
    with pytest.raises(MissingDependencyError) as caught:
        require_installed([one, two, one, there, other])
    text = str(caught.value)
    assert text.endswith("with: pip install 'no_such_three' 'rig[a,b,c]'")
    assert text.count("the pump 'one' needs no_such_one") == 1
    assert "there" not in text
    require_installed([there])


def test_two_distributions_that_claim_one_entry_point_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The error names both distributions."""

    def entry(distribution: str) -> SimpleNamespace:
        return SimpleNamespace(
            name="pump",
            module_name="acme",
            distro=SimpleNamespace(name=distribution, version="1.0"),
        )

    monkeypatch.setattr(installed, "_newest", [])
    monkeypatch.setattr(
        installed.entrypoints, "get_group_all", lambda group: [entry("acme"), entry("other")]
    )
    with pytest.raises(PluginError, match=r"acme 1\.0 and other 1\.0"):
        Plugins.discover(strict=True)


def test_a_declaration_that_changes_is_read_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is on the path is looked for again; what has not changed is not read again."""
    info = tmp_path / "acme-1.0.dist-info"
    info.mkdir()
    declared = info / "entry_points.txt"
    declared.write_text("[flowrig]\nacme = acme_one\n", encoding="utf-8")
    before = {one.name for one in installed.find_plugins()[0]}
    monkeypatch.syspath_prepend(tmp_path)

    first = installed.find_plugins()[0]
    assert {one.name for one in first} == before | {"acme"}
    assert all(one is two for one, two in zip(first, installed.find_plugins()[0], strict=True))

    declared.write_text("[flowrig]\nacme = acme_one\nmore = acme_two\n", encoding="utf-8")
    assert {one.name for one in installed.find_plugins()[0]} == before | {"acme", "more"}
    declared.unlink()
    assert {one.name for one in installed.find_plugins()[0]} == before


@pytest.mark.parametrize(
    "program", ["import flowrig", "from flowrig.cli import main; main(['plugins', '--json'])"]
)
def test_light_commands_import_nothing_heavy(program: str) -> None:
    """`import flowrig` and `flowrig plugins` import no scientific or instrument package."""
    heavy = ("torch", "sklearn", "scipy", "pyvisa", "serial", "seabreeze", "usb")
    check = (
        f"import sys\ntry:\n    {program}\nexcept SystemExit: pass\n"
        f"print([m for m in {heavy} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stderr.strip().endswith("[]")
