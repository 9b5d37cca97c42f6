"""Profiles without devices: they describe data that are there already, for instance old records."""

from flowrig.profile.data.load import is_data, load_data
from flowrig.profile.data.model import DataProfile

__all__ = ["DataProfile", "is_data", "load_data"]
