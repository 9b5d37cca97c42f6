"""Faults of optimizer, surrogate and objective."""

import random
import shutil
import sys
import tempfile
from pathlib import Path

from flowrig.torture import frail_models
from flowrig.torture.injections.injection import Injection
from flowrig.torture.rigs import PlayedRig

__all__ = ["BrokenModel", "HangingOptimizer"]


class BrokenModel(Injection):
    """A broken optimizer, surrogate or objective.

    Args:
        improve: keys of the last stage.
        surrogate: keys of the surrogate, each after a comma.
        campaign: keys of the campaign.
        more: further tables.
    """

    is_in_file = True

    def __init__(
        self, *, improve: str = "", surrogate: str = "", campaign: str = "", more: str = ""
    ) -> None:
        super().__init__()
        self._keys = {
            "improve": improve,
            "surrogate": surrogate,
            "campaign": campaign,
            "more": more,
        }

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the campaign with the broken model in it."""
        return rig.campaign.write(folder, **self._keys)


class HangingOptimizer(BrokenModel):
    """An optimizer in a process of its own that never answers."""

    optimizer_process = True

    def __init__(self) -> None:
        super().__init__(improve='ailment = "hang"', campaign='optimizer_deadline = "12 s"')
        self._site: Path | None = None

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the campaign, and install the plugin for the optimizer's process.

        The process finds plugins by entry points only, so the plugin gets a distribution of its
        own on `sys.path`.
        """
        self._site = Path(tempfile.mkdtemp(prefix="flowrig-torture-plugin-"))
        installed = self._site / "flowrig_torture-0.dist-info"
        installed.mkdir()
        metadata = "Metadata-Version: 2.1\nName: flowrig-torture\nVersion: 0\n"
        (installed / "METADATA").write_text(metadata)
        entry = f"[flowrig]\ntorture = {frail_models.__name__}:PLUGIN\n"
        (installed / "entry_points.txt").write_text(entry)
        sys.path.append(str(self._site))
        return super().campaign(rig, folder, draw)

    def close(self) -> None:
        """Uninstall the plugin."""
        if self._site is not None:
            sys.path.remove(str(self._site))
            shutil.rmtree(self._site)
        self._site = None
