"""From variables, settings and limits of a profile to equations for what is set on the rig."""

from flowrig.profile.controls.equations import (
    EquationSet,
    equations_of,
    needs_equations,
    with_plain_sources,
)

__all__ = ["EquationSet", "equations_of", "needs_equations", "with_plain_sources"]
