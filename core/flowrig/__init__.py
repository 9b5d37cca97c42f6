"""flowrig: plugin-based hardware abstraction for self-driving fluidic labs.

In a notebook:

    import flowrig

    with flowrig.open_rig("cs3cu2i5-heatup-chem3", simulate=True) as rig:
        rig.pump("CuI").set_rate(100)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrig.plugins import Plugins
    from flowrig.procedures import calibrate, run_condition
    from flowrig.profile import load_profile
    from flowrig.record import RunRecord
    from flowrig.rig import Rig, open_rig
    from flowrig.runs import RunOutcome, resume_run, start_run
    from flowrig.safety import reach_safe_state
    from flowrig.session import measure, perform

__version__ = "0.1.0"

__all__ = [
    "Plugins",
    "Rig",
    "RunOutcome",
    "RunRecord",
    "__version__",
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
    "Plugins": "plugins",
    "Rig": "rig",
    "RunOutcome": "runs",
    "RunRecord": "record",
    "calibrate": "procedures",
    "load_profile": "profile",
    "measure": "session",
    "open_rig": "rig",
    "perform": "session",
    "reach_safe_state": "safety",
    "resume_run": "runs",
    "run_condition": "procedures",
    "start_run": "runs",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for, so that `import flowrig` itself stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module 'flowrig' has no attribute {name!r}")
    return getattr(import_module(f"flowrig.{_HOMES[name]}"), name)
