"""Windows of set points: of a heater alone, and of a heater on its rig."""

from flowrig.profile.model import DeviceEntry, Profile, Window

__all__ = ["heater_window", "set_point_window"]


def heater_window(device: DeviceEntry) -> Window:
    """Lowest and highest set point [°C] of a heater, from its driver and its settings."""
    low, high = device.offer.limits.get("temperature_c", (-273.15, float("inf")))
    return (
        max(low, getattr(device.settings, "set_point_min_c", low)),
        min(high, getattr(device.settings, "set_point_max_c", high)),
    )


def set_point_window(profile: Profile, device: DeviceEntry) -> Window:
    """Lowest and highest set point [°C] of a heater on its rig."""
    low, high = heater_window(device)
    least, most = profile.limits.set_point_c(device.name)
    return max(low, least), min(high, most)
