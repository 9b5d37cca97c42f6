"""Sensors that report numbers."""

from flowrig.interfaces import Device, Readable

__all__ = ["Sensor"]


class Sensor(Device, Readable):
    """A sensor of pressure, temperature, flow or weight, or of several of them.

    A driver adds `_do_open`, `_do_close`, `_do_identify` and `_do_read`. What it reports stands in
    a property `quantities` of its settings class, so that `flowrig check` knows it without the
    driver.
    """
