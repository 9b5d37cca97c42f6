"""Benches with emulated HDXs."""

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
from ocean_bench import Bench, bench_with_hdx

if find_spec("seabreeze") is None or find_spec("usb") is None:
    collect_ignore_glob = ["test_*.py"]
else:
    import seabreeze

    seabreeze.use("pyseabreeze")


@pytest.fixture
def bench() -> Iterator[Bench]:
    """One emulated HDX."""
    with bench_with_hdx() as bench:
        yield bench


@pytest.fixture(scope="module")
def shared_bench() -> Iterator[Bench]:
    """One emulated HDX for a whole module, for tests that do not change its state."""
    with bench_with_hdx() as bench:
        yield bench


@pytest.fixture
def usb_bench() -> Iterator[Bench]:
    """An HDX on the virtual USB, beside one with another serial number."""
    with bench_with_hdx("usb", "twin"), bench_with_hdx("usb") as bench:
        yield bench
