"""Starts that are informed by earlier experiments, before anything new is measured."""

from flowrig.learning.informed.discrepancy import Discrepancy
from flowrig.learning.informed.start import InformedSource, InformedStart

__all__ = ["Discrepancy", "InformedSource", "InformedStart"]
