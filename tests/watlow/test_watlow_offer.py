"""What the Watlow plugin tells about itself, and what its settings accept."""

import subprocess
import sys

import pytest

from flowrig.offers import import_target
from flowrig_watlow import F4TSettings, flowrig_drivers
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator import WatlowEmulator


def test_offer_loads():
    """The offer leads to the driver and its emulator, and nothing that they need is missing."""
    (offer,) = flowrig_drivers()

    assert offer.missing() == ()
    assert offer.load() is WatlowF4T
    assert import_target(offer.emulator, "the test") is WatlowEmulator
    assert offer.settings is F4TSettings


def test_entry_module_is_light():
    """Asking what the plugin offers imports no pyvisa."""
    check = (
        "import sys, flowrig_watlow\n"
        "flowrig_watlow.flowrig_drivers()\n"
        "print('pyvisa' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("address", "host", "port"),
    [("192.168.0.222", "192.168.0.222", 5025), ("plate.lab:502", "plate.lab", 502)],
)
def test_address_is_host_and_port(address, host, port):
    """The port may be left out."""
    settings = F4TSettings(address=address)

    assert (settings.host, settings.port) == (host, port)


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        ({"address": ""}, "has no host"),
        ({"address": ":5025"}, "has no host"),
        ({"address": "plate..lab"}, "no host name"),
        ({"address": "plate:"}, "no TCP port"),
        ({"address": "plate:0"}, "no TCP port"),
        ({"address": "plate:65536"}, "no TCP port"),
        ({"address": "plate:5025:1"}, "no TCP port"),
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
