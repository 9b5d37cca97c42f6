"""Hooks and offers of plugins, and the registry of installed plugins."""

from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import DriverOffer, KindOffer, Offer

__all__ = ["DriverOffer", "KindOffer", "Offer", "hookimpl"]
