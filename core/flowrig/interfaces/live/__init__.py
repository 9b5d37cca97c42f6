"""Live views: pages that show runs while they are under way."""

from flowrig.interfaces.live.view import LiveView, ViewOptions

__all__ = ["LiveView", "ViewOptions"]
