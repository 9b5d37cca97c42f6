"""Plugin `watch`: the live view of runs in a browser."""

from collections.abc import Sequence

from attrs import frozen

from flowrig.plugins import Offer, hookimpl

__all__ = ["flowrig_views"]


@frozen
class NoSettings:
    """The view has none."""


@hookimpl
def flowrig_views() -> Sequence[Offer]:
    """Offer the page."""
    return [
        Offer(
            kind="view",
            name="web",
            target="flowrig_watch.serve:WebView",
            settings=NoSettings,
            summary="runs in a browser, while they are under way",
            needs=("starlette", "uvicorn"),
            install="flowrig[web]",
        )
    ]
