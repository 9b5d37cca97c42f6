"""Sensors of any vendor that answer SCPI queries or have Modbus registers, as a profile says."""

from collections.abc import Sequence

from flowrig.plugins import DriverOffer, hookimpl
from flowrig_sensors.modbus_settings import ModbusSensorSettings
from flowrig_sensors.settings import ScpiSensorSettings

__all__ = ["ModbusSensorSettings", "ScpiSensorSettings", "flowrig_drivers"]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """Offer both drivers with their emulators."""
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
