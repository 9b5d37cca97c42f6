"""Rules for the addresses of devices."""

from collections.abc import Iterator
from itertools import combinations

from flowrig.claims import places
from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding

__all__ = ["RULES"]


def one_instrument_one_device(profile: Profile) -> Iterator[Finding]:
    """Two devices have one address only if they are different parts of one instrument."""
    where = {n: places(e.settings.connects_to(), look=False) for n, e in profile.devices.items()}
    for one, other in combinations(profile.devices, 2):
        if not {*where[one]} & {*where[other]}:
            continue
        parts = [profile.devices[name].settings.uses_only() for name in (one, other)]
        if all(parts) and parts[0] != parts[1]:
            continue
        same = f", {parts[0]}" if all(parts) else ""
        yield Finding(
            ("devices", other, "address"),
            f"devices.{one} has this address already{same}",
            expected="an address of its own, or another channel or loop of one instrument",
        )


RULES = (one_instrument_one_device,)
