"""flowrig: plugin-based hardware abstraction for self-driving fluidic labs.

In a notebook:

    import flowrig

    with flowrig.open_rig("cs3cu2i5-heatup-chem3", simulate=True) as rig:
        rig.pump("CuI").set_rate(100)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrig.plugins.registry import Plugins
    from flowrig.procedure.by_hand import measure, perform
    from flowrig.procedure.procedures import calibrate, run_condition
    from flowrig.profile import load_profile
    from flowrig.rig.rig import Rig, open_rig
    from flowrig.run.options import ResumeOptions, RunOptions
    from flowrig.run.start import RunOutcome, resume_run, start_run
    from flowrig.run_record.reader import RunRecord
    from flowrig.safety.safe_state import reach_safe_state


__all__ = [
    "Plugins",
    "ResumeOptions",
    "Rig",
    "RunOptions",
    "RunOutcome",
    "RunRecord",
    "calibrate",
    "load_profile",
    "measure",
    "open_rig",
    "perform",
    "reach_safe_state",
    "resume_run",
    "run_condition",
    "start_run",
]

_HOMES = {
    "Plugins": "plugins.registry",
    "ResumeOptions": "run.options",
    "Rig": "rig.rig",
    "RunOptions": "run.options",
    "RunOutcome": "run.start",
    "RunRecord": "run_record.reader",
    "calibrate": "procedure.procedures",
    "load_profile": "profile",
    "measure": "procedure.by_hand",
    "open_rig": "rig.rig",
    "perform": "procedure.by_hand",
    "reach_safe_state": "safety.safe_state",
    "resume_run": "run.start",
    "run_condition": "procedure.procedures",
    "start_run": "run.start",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import flowrig` itself stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flowrig' has no attribute {name!r}")
    return getattr(import_module(f"flowrig.{_HOMES[name]}"), name)
