"""What a plugin implements to show runs while they are under way."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from attrs import frozen

__all__ = ["LiveView", "ViewOptions"]


@frozen(kw_only=True)
class ViewOptions:
    """How a live view is served.

    Attributes:
        port: TCP port; None for the first free one from the view's own on.
        bind: address of this computer at which it listens.
        hosts: further names of this computer that a browser may ask for.
        certificate: file with the TLS certificate, PEM; None for HTTP.
        key: file with its private key, PEM.
        opens: whether to show the page in a browser of this computer.
        leaves: whether to end by itself when no run is under way and no page is open any more.
    """

    port: int | None = None
    bind: str = "127.0.0.1"
    hosts: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    opens: bool = False
    leaves: bool = False


class LiveView(ABC):
    """Serves a live view of runs, in a process of its own.

    A plugin offers one by the hook `flowrig_views`, as `Offer(kind="view", …)`. It reads the
    journal of a run, and asks the run for nothing but what the command line can ask it for.
    """

    @abstractmethod
    def serve(self, folder: Path, options: ViewOptions, say: Callable[[str], None]) -> None:
        """Show the run in a folder, or the runs in its folders, until Ctrl-C.

        Args:
            folder: the folder of a run, or one that holds folders of runs.
            options: where to listen.
            say: tells a line to who has started it.

        Raises:
            InputError: there is no such folder, or the options do not fit together.
        """
