"""An emulated instrument that a real driver can be pointed at."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from types import TracebackType
from typing import Self

from attrs import evolve, frozen

from flowrig.clock import Clock
from flowrig.emulation.fronts import ProtocolCore
from flowrig.emulation.world import World
from flowrig.interfaces.device import DeviceSettings

__all__ = ["Emulator", "EmulatorContext"]


def _untapped(core: ProtocolCore) -> ProtocolCore:
    return core


@frozen
class EmulatorContext:
    """What an emulator is built from.

    Attributes:
        device: the device's name in the profile.
        settings: the settings that the driver will be opened with, but for the address.
        world: where its body is.
        clock: the run's clock.
        tap: what every protocol core goes through on its way to a front, so that the conformance
            kit can listen to the wire and disturb it: `serial_front(context.tap(core))`.
    """

    device: str
    settings: DeviceSettings
    world: World
    clock: Clock
    tap: Callable[[ProtocolCore], ProtocolCore] = _untapped


class Emulator(ABC):
    """One emulated instrument on loopback or a pseudo-terminal.

    Args:
        context: which device it plays, in which world.
    """

    def __init__(self, context: EmulatorContext) -> None:
        self.context = context

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def serve(self) -> DeviceSettings:
        """Begin to answer; returns the settings of a driver that is to find this emulator.

        They are those of the context with the address from `start`; an emulator that answers at
        more than one address replaces the others as well.
        """
        return evolve(self.context.settings, address=self.start())

    @abstractmethod
    def start(self) -> str:
        """Begin to answer; returns the address in the form that the driver takes."""

    @abstractmethod
    def stop(self) -> None:
        """Stop answering and release the port; idempotent."""
