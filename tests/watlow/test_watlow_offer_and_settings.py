"""The driver offer of the Watlow plugin, and the values that its settings accept."""

import subprocess
import sys

import pytest
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.plugins.offers import import_target
from flowrig_watlow import F4TSettings, flowrig_drivers
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator.emulator import WatlowEmulator


def test_offer_loads():
    """The offer names driver, emulator and settings, and no required package is missing."""
    (offer,) = flowrig_drivers()

    assert offer.missing() == ()
    assert offer.load() is WatlowF4T
    assert import_target(offer.emulator, "the test") is WatlowEmulator
    assert offer.settings is F4TSettings


def test_entry_module_is_light():
    """Listing the offers of the plugin imports neither pyvisa nor pymodbus."""
    check = (
        "import sys, flowrig_watlow\n"
        "flowrig_watlow.flowrig_drivers()\n"
        "print({'pyvisa', 'pymodbus'} & set(sys.modules))"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("192.168.0.222", "192.168.0.222", 5025), ("plate.lab:502", "plate.lab", 502)],
)
def test_address_is_host_and_port(address, host, port):
    """The port may be left out."""
    settings = F4TSettings(address=address)

    assert (settings.host, settings.port) == (host, port)


def test_modbus_address_has_its_own_port():
    """The port of Modbus may be left out too."""
    settings = F4TSettings(address="plate", modbus="plate.lab")

    assert settings.modbus_host_and_port == ("plate.lab", 502)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"idle_c": 15.0}, "off sets 15 °C and leaves the control loop on"),
        (
            {"modbus": "plate", "off": "control-mode"},
            "off switches the control loop off, by Modbus",
        ),
    ],
)
def test_check_prints_the_meaning_of_off(settings, sentence, tmp_path):
    """`flowrig check` prints a sentence on the effect of "off" on the plate."""
    keys = {
        "idle_c": "idle = '15 degC'",
        "modbus": "modbus = 'plate'",
        "off": "off = 'control-mode'",
    }
    profile = tmp_path / "rig.toml"
    profile.write_text(
        'extends = "cs3cu2i5-heatup-chem3"\n[devices.plate]\n'
        + "\n".join(keys[name] for name in settings),
        encoding="utf-8",
    )

    checked = CliRunner().invoke(main, ["check", str(profile)])

    assert F4TSettings(address="plate", **settings).describe() == (sentence,)
    assert f"plate: {sentence}" in checked.output


def test_check_prints_the_alarms_that_end_a_run():
    """Watched alarms and limit modules are listed after the meaning of "off"."""
    settings = F4TSettings(address="plate", modbus="plate", alarms=(1, 3), limit_modules=(5,))

    assert settings.describe()[1] == (
        "a run ends when alarm 1 or alarm 3 or the limit module in slot 5 warns"
    )


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"address": ""}, "has no host"),
        ({"address": ":5025"}, "has no host"),
        ({"address": "plate..lab"}, "is not a host name"),
        ({"address": "plate:"}, "not a TCP port"),
        ({"address": "plate:0"}, "not a TCP port"),
        ({"address": "plate:65536"}, "not a TCP port"),
        ({"address": "plate:5025:1"}, "not a TCP port"),
        ({"modbus": "plate:0"}, "not a TCP port"),
        ({"word_order": "middle-first"}, "word_order"),
        ({"off": "never"}, "off"),
        ({"off": "control-mode"}, "needs Modbus"),
        ({"alarms": (1,)}, "alarms are read by Modbus"),
        ({"limit_modules": (5,)}, "limit_modules are read by Modbus"),
        ({"modbus": "plate", "alarms": (0,)}, "alarms"),
        ({"modbus": "plate", "alarms": (15,)}, "alarms"),
        ({"modbus": "plate", "limit_modules": (7,)}, "limit_modules"),
        ({"loop": 0}, "loop"),
        ({"loop": 5}, "loop"),
        ({"idle_c": 250.0}, "outside the set points"),
        ({"set_point_min_c": 30.0}, "outside the set points"),
        ({"settle_s": -0.1}, "settle_s"),
        ({"deadline_s": 0.0}, "deadline_s"),
    ],
)
def test_impossible_settings_are_refused(wrong, complaint):
    """A setting that cannot work is an error before anything is opened."""
    with pytest.raises(ValueError, match=complaint):
        F4TSettings(**{"address": "plate", **wrong})
