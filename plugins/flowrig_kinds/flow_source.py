"""Sources of flow without a syringe: HPLC pumps, peristaltic pumps, pressure controllers."""

from flowrig.interfaces import Device, Dispensing, Readable

__all__ = ["FlowSource"]


class FlowSource(Device, Dispensing, Readable):
    """A device that delivers a liquid or a gas for a stream, at a flow rate [µL/min].

    The settings give `limits_ul_min` and `quantities`, which may be empty. A driver adds
    `_do_open`, `_do_close`, `_do_identify`, `_do_dispense`, `_do_rate_ul_min` and `_do_read`, and
    `_do_total_ul` where the device counts what it delivers.
    """
