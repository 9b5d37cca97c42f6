"""Where the instruments' packages are missing, the shipped drivers have nothing to look with."""

import socket
from importlib.util import find_spec

import pytest

NEEDS = {
    "test_find_fusions.py": ["serial"],
    "test_find_other_instruments.py": ["serial"],
    "test_find_f4ts.py": ["pyvisa"],
    "test_find_hdxs.py": ["seabreeze", "usb"],
}
collect_ignore = [
    file for file, packages in NEEDS.items() if any(find_spec(one) is None for one in packages)
]


@pytest.fixture
def free_address() -> str:
    """An address on loopback at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return "{}:{}".format(*listener.getsockname())
