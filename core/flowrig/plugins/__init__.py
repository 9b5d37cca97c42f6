"""Hooks and offers of plugins, and the registry of installed plugins."""

from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import AnalysisOffer, DriverOffer, Offer

__all__ = ["AnalysisOffer", "DriverOffer", "Offer", "hookimpl"]
