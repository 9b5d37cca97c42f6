"""Tells people what happens in a run, by observers of plugins, without holding up the run."""

from flowrig.operator.notify.notifier import Notifier, attempt
from flowrig.operator.notify.settings_file import read_observers

__all__ = ["Notifier", "attempt", "read_observers"]
