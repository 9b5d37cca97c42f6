"""Devices that keep a number: flow controllers, stirrers, stages and lights.

A driver adds `_do_open`, `_do_close`, `_do_identify`, `_do_set` and `_do_setting`, and `_do_read`
where the device is read. The limits, and whatever else differs from one device to the next, are
fields or properties of its settings class: `limits`, `unit`, `quantities`.
"""

from collections.abc import Sequence

from flowrig.interfaces import Device, Quantity, Readable, Settable

__all__ = ["FlowController", "Light", "Stage", "Stirrer"]


class FlowController(Device, Settable, Readable):
    """A controller of the flow of a gas or a liquid; its unit is a flow rate.

    The settings give `unit`, `limits` and `quantities`; a driver reports the flow as `flow`, in the
    same unit, and may report pressure and temperature.
    """


class Stirrer(Device, Settable, Readable):
    """A stirrer [rpm]; it reports its speed."""

    unit = "rpm"
    quantities: Sequence[Quantity] = (Quantity("speed", "rpm"),)


class Stage(Device, Settable):
    """A stage that moves a probe or a sample [mm]; its safe value is one of the profile."""

    unit = "mm"
    settling_s = 60.0


class Light(Device, Settable):
    """A lamp or an LED with an intensity [% of the highest]."""

    unit = "%"
