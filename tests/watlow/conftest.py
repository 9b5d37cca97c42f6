"""Fixtures: a plate behind an emulated F4T, and servers that send any bytes."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

import pytest
from attrs import define, frozen
from patience import LONG_S

from flowrig.clock import Clock, VirtualClock
from flowrig.emulation import DisturbedWire, EmulatorContext, HeaterBody, World
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator.controller import F4TTraits
from flowrig_watlow.emulator.emulator import WatlowEmulator
from flowrig_watlow.settings import F4TSettings

PLAIN = {
    "*IDN?": b'"Watlow Electric","F4T","1234","04:05:0007"\n',
    ":UNIT:TEMPERATURE?": b"C\n",
    ":PROGRAM:SELECTED:STATE?": b"IDLE\n",
    ":SOURCE:CLOOP1:PVALUE?": b"25.00\n",
    ":SOURCE:CLOOP1:ERROR?": b"NONE\n",
}


@define
class Plate:
    """A plate that stays at the temperature that a test sets."""

    temperature_c: float = 25.0
    set_point_c: float = 0.0
    controlled: int = 0

    def control(self, set_point_c: float) -> None:
        self.set_point_c = set_point_c
        self.controlled += 1


class PlateWorld(World):
    """A world with one plate in it."""

    def __init__(self, plate: Plate) -> None:
        self._plate = plate

    def heater(self, device: str) -> HeaterBody:
        return self._plate

    def pump(self, device: str) -> Any:
        raise KeyError(device)

    def spectrometer(self, device: str) -> Any:
        raise KeyError(device)


@frozen
class PlateRig:
    """A driver that is not open yet, its emulator, and the plate."""

    driver: WatlowF4T
    emulator: WatlowEmulator
    traits: F4TTraits
    plate: Plate
    clock: Clock

    def wire(self, protocol: str) -> DisturbedWire:
        """The wire of SCPI or of Modbus."""
        return self.emulator.context.wire("main" if protocol == "scpi" else protocol)


RigFactory = Callable[..., AbstractContextManager[PlateRig]]


@contextlib.contextmanager
def _plate_rig(
    traits: F4TTraits | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> Iterator[PlateRig]:
    traits = traits if traits is not None else F4TTraits()
    plate, clock = Plate(), clock if clock is not None else VirtualClock()
    context = EmulatorContext(
        "plate",
        F4TSettings(address="unused", **{"deadline_s": LONG_S, **settings}),
        PlateWorld(plate),
        clock,
    )
    with WatlowEmulator(context, traits) as emulator:
        driver = WatlowF4T("plate", emulator.serve(), clock)
        try:
            yield PlateRig(driver, emulator, traits, plate, clock)
        finally:
            driver.close()


@pytest.fixture(scope="session")
def plate_rig() -> RigFactory:
    """Makes a driver with an emulated F4T of given traits; remaining keywords are settings."""
    return _plate_rig


@pytest.fixture
def rig() -> Iterator[PlateRig]:
    """An open driver on a plain emulated F4T."""
    with _plate_rig() as plain:
        plain.driver.open()
        yield plain


@pytest.fixture
def modbus_rig() -> Iterator[PlateRig]:
    """An open driver on a plain emulated F4T, by both protocols; off is the control mode."""
    with _plate_rig(modbus="unused", off="control-mode") as both:
        both.driver.open()
        yield both


Peer = Callable[[Mapping[str, Any]], str]


@pytest.fixture
def peer() -> Iterator[Peer]:
    """Starts a peer that sends fixed bytes for each line, and returns its address.

    It identifies itself as an F4T, speaks °C, measures 25 °C and runs no profile by default.
    `None` is silence; a tuple is bytes and then a hang-up; a function is called for the pieces to
    send.
    """
    with contextlib.ExitStack() as stack:

        def start(answers: Mapping[str, Any]) -> str:
            listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            known = {**PLAIN, **answers}
            thread = threading.Thread(target=_serve, args=(listener, known), daemon=True)
            thread.start()
            stack.callback(thread.join, 5.0)
            stack.callback(_wake, listener.getsockname())
            return f"127.0.0.1:{listener.getsockname()[1]}"

        yield start


def _wake(address: tuple[str, int]) -> None:
    with contextlib.suppress(OSError), socket.create_connection(address) as connection:
        connection.sendall(b"end\n")


def _serve(listener: socket.socket, answers: Mapping[str, Any]) -> None:
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError), connection.makefile("rb") as lines:
            for raw in lines:
                line = raw.decode().strip()
                if line == "end":
                    return
                answer = answers[line]
                if isinstance(answer, tuple):
                    connection.sendall(answer[0])
                    break
                for piece in answer() if callable(answer) else [answer or b""]:
                    connection.sendall(piece)


@pytest.fixture
def driver_at() -> Iterator[Callable[..., WatlowF4T]]:
    """Makes a driver for an address; it is closed at the end."""
    with contextlib.ExitStack() as stack:

        def make(address: str, clock: Clock | None = None, **settings: Any) -> WatlowF4T:
            clock = clock if clock is not None else VirtualClock()
            settings = {"deadline_s": LONG_S, **settings}
            driver = WatlowF4T("plate", F4TSettings(address=address, **settings), clock)
            stack.callback(driver.close)
            return driver

        yield make
