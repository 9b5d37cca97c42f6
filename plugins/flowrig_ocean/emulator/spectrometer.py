"""What the emulators of Ocean spectrometers have in common, whatever protocol they speak."""

from collections.abc import Mapping
from typing import ClassVar, Protocol

from flowrig.emulation import DeviceFault, Emulator

__all__ = ["Instrument", "SpectrometerEmulator", "State"]


class State(Protocol):
    """The settings of an emulated instrument; other programs change them.

    Attributes:
        integration_time_us: integration time [µs].
    """

    integration_time_us: int


class Instrument(Protocol):
    """The instrument behind an emulator."""

    @property
    def state(self) -> State:
        """Its settings."""
        ...

    def power_cycle(self) -> None:
        """Forget all settings."""


class SpectrometerEmulator(Emulator):
    """An emulator whose settings another program can change.

    Attributes:
        EXTERNAL_TRIGGER: the trigger mode in which the instrument waits for a pulse.
        instrument: the emulated instrument.
    """

    EXTERNAL_TRIGGER: ClassVar[int]
    instrument: Instrument

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every spectrometer, and those that Ocean's share."""
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "power off and on: all settings are as delivered again", self._power_cycle
            ),
            "foreign-exposure": DeviceFault(
                "another program doubles the integration time", self._double_exposure
            ),
            "foreign-trigger": DeviceFault(
                "another program sets an external trigger",
                lambda on: self.leave("trigger_mode", self.EXTERNAL_TRIGGER, on),
            ),
        }

    def leave(self, setting: str, value: int, on: bool) -> None:
        """Change a setting as another program does, which leaves it when it ends.

        Args:
            setting: its name in the state of the instrument.
            value: its new value.
            on: False changes nothing.
        """
        if on:
            setattr(self.instrument.state, setting, value)

    def _double_exposure(self, on: bool) -> None:
        self.leave("integration_time_us", 2 * self.instrument.state.integration_time_us, on)

    def _power_cycle(self, on: bool) -> None:
        if on:
            self.stop()
            self.instrument.power_cycle()
            self.start()
