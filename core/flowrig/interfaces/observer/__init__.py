"""Observers: they tell people what happens in a run."""

from flowrig.interfaces.observer.observer import Message, Observer, ObserverSettings, Priority

__all__ = ["Message", "Observer", "ObserverSettings", "Priority"]
