"""Hooks and offers of plugins, and the registry of installed plugins."""

from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import AnalysisOffer, DriverOffer, KindOffer, Offer, PaperOffer

__all__ = ["AnalysisOffer", "DriverOffer", "KindOffer", "Offer", "PaperOffer", "hookimpl"]
