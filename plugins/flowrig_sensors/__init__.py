"""Sensors, detectors and switches of any vendor that answer SCPI or have Modbus registers."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_sensors.frames.settings import ScpiGatesSettings, ScpiHistogramSettings
from flowrig_sensors.modbus_settings import ModbusSensorSettings
from flowrig_sensors.settings import ScpiSensorSettings
from flowrig_sensors.switch.settings import ScpiSwitchSettings

__all__ = [
    "ModbusSensorSettings",
    "ScpiGatesSettings",
    "ScpiHistogramSettings",
    "ScpiSensorSettings",
    "ScpiSwitchSettings",
    "flowrig_drivers",
]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer the drivers with their emulators."""
    return [*_sensors(), *_detectors(), *_switches()]


def _sensors() -> Sequence[DriverOffer]:
    return [
        DriverOffer(
            kind="sensor",
            name="scpi-sensor",
            discover="flowrig_sensors.discovery:find_scpi",
            discover_order=90,
            target="flowrig_sensors.driver:ScpiSensor",
            settings=ScpiSensorSettings,
            summary="any instrument that answers SCPI queries: thermometers, gauges, multimeters",
            emulator="flowrig_sensors.emulator:ScpiSensorEmulator",
            example={
                "channels": {
                    "pressure": {"query": "MEAS:PRES?", "unit": "bar", "scale": 0.001},
                    "temperature": {"query": "MEAS:TEMP? (@101)", "unit": "degC"},
                }
            },
        ),
        DriverOffer(
            kind="sensor",
            name="modbus-sensor",
            discover="flowrig_sensors.discovery:find_modbus",
            discover_order=90,
            target="flowrig_sensors.modbus_driver:ModbusSensor",
            settings=ModbusSensorSettings,
            summary="any instrument with Modbus registers, on a serial line or a socket",
            needs=("serial",),
            install="flowrig[sensors]",
            emulator="flowrig_sensors.modbus_emulator:ModbusSensorEmulator",
            example={
                "channels": {
                    "pressure": {"register": 10, "form": "float32", "unit": "bar"},
                    "temperature": {"register": 12, "form": "float32", "unit": "degC"},
                }
            },
        ),
    ]


def _detectors() -> Sequence[DriverOffer]:
    return [
        DriverOffer(
            kind="tcspc",
            name="scpi-histogram",
            target="flowrig_sensors.frames.driver:ScpiHistogram",
            settings=ScpiHistogramSettings,
            summary="any counter of single photons that answers SCPI queries with its histogram",
            emulator="flowrig_sensors.frames.emulator:ScpiHistogramEmulator",
            example={
                "begin": "HIST1:FLUS",
                "query": "HIST1:DATA?",
                "bins": 200,
                "bin": "0.5 ns",
                "integration_time": "1 s",
            },
        ),
        DriverOffer(
            kind="phase_sensor",
            name="scpi-gates",
            target="flowrig_sensors.frames.driver:ScpiGates",
            settings=ScpiGatesSettings,
            summary="light gates along a tube behind a voltmeter that answers SCPI queries",
            emulator="flowrig_sensors.frames.emulator:ScpiGatesEmulator",
            example={"query": "MEAS:VOLT? (@101,102)", "places": ["0 mm", "10 mm"]},
        ),
    ]


def _switches() -> Sequence[DriverOffer]:
    return [
        DriverOffer(
            kind="switch",
            name="scpi-switch",
            target="flowrig_sensors.switch.driver:ScpiSwitch",
            settings=ScpiSwitchSettings,
            summary="any switch or multiplexer that answers SCPI: fibre switches, relay cards",
            emulator="flowrig_sensors.switch.emulator:ScpiSwitchEmulator",
            example={"positions": {"line_1": 1, "line_2": 2}},
        )
    ]
