"""What must hold between the parts of a profile; every rule yields all that it finds.

A rule names the sections that it needs and is skipped if one of them could not be read, so that
one mistake does not hide the others.
"""

from flowrig.profile.problems import Finding

__all__ = ["check"]


def check(sections: dict[str, object]) -> list[Finding]:
    """Apply every rule to the sections of a profile, by field name of `Profile`."""
    return []
