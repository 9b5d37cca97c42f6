"""Settings of the devices behind a drop folder."""

from collections.abc import Mapping
from typing import Any, Final, Literal

from attrs import Attribute, field, frozen
from attrs.validators import ge, gt, in_, le, matches_re, optional

from flowrig.interfaces import DeviceSettings
from flowrig_dropfolder.layout import LAYOUTS, TEMPERATURE, Layout

__all__ = [
    "COUNTS_MAX",
    "CommandSettings",
    "FolderSettings",
    "HeaterSettings",
    "PumpSettings",
    "SpectrometerSettings",
]

COUNTS_MAX: Final = 65_535
"""Top of a converter of 16 bit [counts]."""

WORD: Final = r"[A-Za-z][A-Za-z0-9_]*"


def _is_layout(_: Any, __: "Attribute[str]", value: str) -> None:
    if value not in LAYOUTS:
        raise ValueError(f"no layout {value!r}; there are: {', '.join(LAYOUTS)}")


def _are_columns(_: Any, __: "Attribute[tuple[str, ...]]", value: tuple[str, ...]) -> None:
    if len({*value}) < len(value):
        raise ValueError("a column of FR.csv stands twice")


def _is_folder(_: Any, __: "Attribute[str]", value: str) -> None:
    if not value.strip():
        raise ValueError("expected the path of a folder")


@frozen(kw_only=True)
class FolderSettings(DeviceSettings):
    """What all devices behind a folder have.

    Attributes:
        address: path of the folder, "D:/drop" or "//labview/drop".
        deadline_s: longest wait [s] for an answer of the program.
    """

    address: str = field(validator=_is_folder)
    deadline_s: float = field(default=5.0, validator=gt(0.0))

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """The folder."""
        return (self.address if {"/", "\\"} & {*self.address} else f"./{self.address}",)


@frozen(kw_only=True)
class CommandSettings(FolderSettings):
    """What pumps and heater of a folder have; it must be the same for all of them.

    Attributes:
        layout: name of a layout of `FR.csv`.
        columns: columns of `FR.csv` in order, without the two numbers at the end, in place of
            `layout`.
        constants: values of columns that no device drives, by column; 0 for the others.
        idle_c: set point [°C] in `FR.csv` that stands for a heater that is off.
        watchdog_s: time [s] without a sign of life from flowrig after which the program stops every
            pump and the heater; the program has to confirm it. None asks the program for none.
    """

    layout: str = field(default="sadeghi-2025", validator=_is_layout)
    columns: tuple[str, ...] = field(default=(), validator=_are_columns)
    constants: Mapping[str, float] = field(factory=dict)
    idle_c: float = 20.0
    watchdog_s: float | None = field(default=None, validator=optional(ge(15.0)))

    @property
    def rows(self) -> Layout:
        """The columns of `FR.csv`."""
        return Layout(self.columns or LAYOUTS[self.layout], dict(self.constants))

    def describe(self) -> tuple[str, ...]:
        """What is not protected."""
        if self.watchdog_s is None:
            return (
                "stop and off are the word of the lab's program, and nothing stops the rig where "
                "flowrig, the folder or that program fails; let the program watch for flowrig, and "
                "set `watchdog`",
            )
        return (
            "stop and off are the word of the lab's program, and nothing stops the rig where that "
            "program fails",
        )


def _is_a_column(settings: "PumpSettings", _: "Attribute[str]", value: str) -> None:
    columns = settings.rows.columns
    if value not in columns or value == TEMPERATURE:
        streams = ", ".join(one for one in columns if one != TEMPERATURE)
        raise ValueError(f"FR.csv has no column of flow rates {value!r}; it has {streams}")


@frozen(kw_only=True)
class PumpSettings(CommandSettings):
    """Settings of a pump that a program of the lab runs.

    Attributes:
        column: its column in `FR.csv` and `Status.csv`.
        flow_rate_min_ul_min: slowest flow rate [µL/min] of the pump with its syringe.
        flow_rate_max_ul_min: fastest flow rate [µL/min] of the pump with its syringe.
    """

    column: str = field(validator=_is_a_column)
    flow_rate_min_ul_min: float = field(default=1.0, validator=gt(0.0))
    flow_rate_max_ul_min: float = field(default=10_000.0, validator=gt(0.0))

    @flow_rate_max_ul_min.validator
    def _is_above(self, _: "Attribute[float]", value: float) -> None:
        if value <= self.flow_rate_min_ul_min:
            raise ValueError("the fastest flow rate must be above the slowest")

    def uses_only(self) -> str:
        """The column."""
        return f"column {self.column}"

    def describe(self) -> tuple[str, ...]:
        """What is not protected, and what flowrig cannot compare."""
        return (*super().describe(), "its syringe is set in the lab's program, and not compared")


@frozen(kw_only=True)
class HeaterSettings(CommandSettings):
    """Settings of a heater that a program of the lab runs.

    Attributes:
        set_point_min_c: lowest set point [°C].
        set_point_max_c: highest set point [°C].
    """

    set_point_min_c: float = 0.0
    set_point_max_c: float = field(default=200.0)

    @set_point_max_c.validator
    def _is_above(self, _: "Attribute[float]", value: float) -> None:
        if not self.set_point_min_c <= self.idle_c < value:
            raise ValueError(
                f"the set points must reach from below idle, {self.idle_c:g} °C, to above it"
            )
        if TEMPERATURE not in self.rows.columns:
            raise ValueError(f"FR.csv has no column {TEMPERATURE!r}")

    def uses_only(self) -> str:
        """The column of the temperature."""
        return f"column {TEMPERATURE}"

    def describe(self) -> tuple[str, ...]:
        """What off means, and what is not protected."""
        return (f"off sets {self.idle_c:g} °C by FR.csv", *super().describe())


def _whole_us(value: Any) -> int:
    return round(float(value))


@frozen(kw_only=True)
class SpectrometerSettings(FolderSettings):
    """Settings of a spectrometer that a program of the lab reads.

    Attributes:
        spectra: word in the names of its files, "Abs" or "PL".
        light: "program" if the program opens and shuts its light; "none" if it cannot.
        integration_time_us: integration time [µs] of every frame.
        integration_time_min_us: shortest integration time [µs].
        integration_time_max_us: longest integration time [µs].
        saturation_counts: counts from which on a pixel is saturated.
        keep: whether files with frames stay in the folder after they were read.
    """

    spectra: str = field(validator=matches_re(WORD))
    light: Literal["program", "none"] = field(default="program", validator=in_(("program", "none")))
    integration_time_min_us: int = field(default=1_000, converter=_whole_us, validator=ge(1))
    integration_time_max_us: int = field(default=10_000_000, converter=_whole_us, validator=ge(1))
    integration_time_us: int = field(default=8_000, converter=_whole_us)
    saturation_counts: int = field(default=COUNTS_MAX, validator=[ge(1), le(COUNTS_MAX)])
    keep: bool = True

    @integration_time_us.validator
    def _is_within(self, _: "Attribute[int]", value: int) -> None:
        if not self.integration_time_min_us <= value <= self.integration_time_max_us:
            raise ValueError("the integration time lies outside its own limits")

    def uses_only(self) -> str:
        """Its files."""
        return f"spectra {self.spectra}"
