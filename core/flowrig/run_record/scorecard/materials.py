"""Liquid that a run has used: by stream, by liquid and by substance, and what went to waste."""

import math
from collections.abc import Iterable, Mapping

from attrs import field, frozen

from flowrig.journal.events import CutLiquid, Intent, Outcome
from flowrig.journal.journal import AnyEvent
from flowrig.profile import Profile
from flowrig.profile.model.flow import GAS
from flowrig.run_record.scorecard.figure import Figure, not_known
from flowrig.safety.syringes import SyringeLedger

__all__ = ["Materials", "Supply", "delivered_in", "materials_of", "theoretical_lifetime"]


@frozen(kw_only=True)
class Supply:
    """What a stream has delivered.

    Attributes:
        role: "reagent", "solvent" or "carrier".
        used_ul: volume [µL] by liquid, in words; one entry where no selector valve chooses.
        loaded_ul: volume [µL] of the full syringe or supply; None for one without an end.
    """

    role: str
    used_ul: Mapping[str, float]
    loaded_ul: float | None

    @property
    def total_ul(self) -> float:
        """Volume [µL] of all liquids."""
        return math.fsum(self.used_ul.values())


@frozen(kw_only=True)
class Materials:
    """The liquid that a run has used.

    Attributes:
        streams: by stream.
        substances_mmol: amount [mmol] by species, of streams whose `contains` gives it.
        per_experiment_ul: volume [µL] of reagents for each measured experiment, calibration and
            flushes included.
        waste_ul: volume [µL] of liquid that went to waste.
        waste_per_result_ul: the same for each good experiment.
        active_ul: volume [µL] of reagents in the syringes of the rig at the start.
        hazardous_ul: volume [µL] of hazardous waste.
        note: what the numbers leave out, in words; "" if nothing.
    """

    streams: Mapping[str, Supply]
    substances_mmol: Mapping[str, float] = field(factory=dict)
    per_experiment_ul: Figure
    waste_ul: float
    waste_per_result_ul: Figure
    active_ul: Figure
    hazardous_ul: Figure
    note: str = ""


def delivered_in(profile: Profile, events: Iterable[AnyEvent]) -> dict[str, dict[str, float]]:
    """Volume [µL] that every stream has delivered, by liquid in words.

    Args:
        profile: the rig.
        events: some of the run, in order; outcomes count, and for selector valves intents.
    """
    used: dict[str, dict[str, float]] = {name: {} for name in profile.streams}
    positions: dict[str, str] = {}

    def add(volumes_ul: Mapping[str, float]) -> None:
        for name, volume_ul in volumes_ul.items():
            if name in used:
                liquid = _liquid(profile, name, positions)
                used[name][liquid] = used[name].get(liquid, 0.0) + volume_ul

    for event in events:
        match event.data:
            case Intent(positions=turned) if turned:
                positions |= turned
            case Outcome(dispensed_ul=volumes_ul) if volumes_ul:
                add(volumes_ul)
            case CutLiquid(events=lost, emptied_ul=emptied_ul):
                for one in lost:
                    if isinstance(one.data, Outcome) and one.data.dispensed_ul:
                        add(one.data.dispensed_ul)
                add(emptied_ul)
    return used


def _liquid(profile: Profile, name: str, positions: Mapping[str, str]) -> str:
    stream = profile.streams[name]
    if stream.selector is None:
        return stream.contents
    position = positions.get(stream.selector.valve, "")
    return stream.contents_at.get(position, stream.contents)


def materials_of(
    profile: Profile,
    used_ul: Mapping[str, Mapping[str, float]],
    measured: int,
    good: int,
) -> Materials:
    """The liquid that a run has used.

    Args:
        profile: the rig.
        used_ul: volume [µL] by stream and liquid, of `delivered_in`.
        measured: number of measured experiments.
        good: number of those of good quality.
    """
    streams = {
        name: Supply(
            role=one.role,
            used_ul=used_ul[name],
            loaded_ul=one.capacity_ul if math.isfinite(one.capacity_ul) else None,
        )
        for name, one in profile.streams.items()
    }
    reagents = [name for name, one in streams.items() if one.role == "reagent"]
    waste_ul = math.fsum(
        one.total_ul for name, one in streams.items() if profile.streams[name].phase != GAS
    )
    loaded = [streams[name].loaded_ul for name in reagents]
    ended = [one for one in loaded if one is not None]
    return Materials(
        streams=streams,
        substances_mmol=_substances_mmol(profile, streams),
        per_experiment_ul=_per(
            math.fsum(streams[name].total_ul for name in reagents), measured, "nothing was measured"
        ),
        waste_ul=waste_ul,
        waste_per_result_ul=_per(waste_ul, good, "no experiment is good"),
        active_ul=Figure(math.fsum(ended), "µL", "full syringes and supplies of reagents")
        if len(ended) == len(loaded)
        else not_known("a supply of a reagent has no end in the profile", "µL"),
        hazardous_ul=_hazardous_ul(profile, streams),
        note=_note(profile),
    )


def _hazardous_ul(profile: Profile, streams: Mapping[str, Supply]) -> Figure:
    """Volume [µL] of the liquids that have to be disposed of as hazardous."""
    liquids = {name: one for name, one in profile.streams.items() if one.phase != GAS}
    silent = [name for name, one in liquids.items() if one.hazardous is None]
    if silent:
        why = f"the profile does not say of {', '.join(silent)} whether it is `hazardous`"
        return not_known(why, "µL")
    hazardous = [name for name, one in liquids.items() if one.hazardous]
    volume_ul = math.fsum(streams[name].total_ul for name in hazardous)
    return Figure(volume_ul, "µL", ", ".join(hazardous) or "no liquid is hazardous")


def _per(volume_ul: float, count: int, otherwise: str) -> Figure:
    if not count:
        return not_known(otherwise, "µL")
    return Figure(volume_ul / count, "µL", f"{count} experiments")


def _substances_mmol(profile: Profile, streams: Mapping[str, Supply]) -> dict[str, float]:
    """Amount [mmol] by species: 1 µL of 1 mol/L holds 1e-3 mmol."""
    found: dict[str, float] = {}
    for name, supply in streams.items():
        for species, mol_l in profile.streams[name].contains_mol_l.items():
            found[species] = found.get(species, 0.0) + 1e-3 * mol_l * supply.total_ul
    return found


def _note(profile: Profile) -> str:
    without = [
        name
        for name, one in profile.streams.items()
        if one.role == "reagent" and not one.contains_mol_l
    ]
    if not without:
        return ""
    return f"amounts of {', '.join(without)} are not known: no `contains` gives a concentration"


def theoretical_lifetime(
    profile: Profile,
    used_ul: Mapping[str, float],
    before_ul: Mapping[str, float],
    experiments: int,
    time_s: float,
) -> Figure:
    """Time until the first syringe, supply, reservoir or waste needs a person.

    An experiment takes the mean of those of the run. What flows before them, the flush of the safe
    state and what an interlock keeps do not count, and a waste counts up to the level at which a
    run holds.

    Args:
        profile: the rig.
        used_ul: volume [µL] that each stream has delivered in experiments.
        before_ul: volume [µL] that each has delivered between them, without the final flush.
        experiments: number of measured experiments.
        time_s: rig time [s] that they took.
    """
    if not experiments:
        return not_known("nothing was measured", "h")
    ledger, found = SyringeLedger(profile), dict[str, float]()
    for name, ul in used_ul.items():
        has_ul = _has_ul(profile, ledger, name) - before_ul.get(name, 0.0)
        if ul > 0.0 and math.isfinite(has_ul):
            found[name] = max(has_ul, 0.0) * experiments / ul
    account = ledger.waste
    account.add(before_ul)
    before = account.filled_ul
    account.add(used_ul)
    for waste, filled_ul in account.filled_ul.items():
        if (each_ul := (filled_ul - before[waste]) / experiments) > 0.0:
            found[waste] = max(account.mark_ul(waste) - before[waste], 0.0) / each_ul
    if not found:
        return not_known("no supply and no waste of the profile has an end", "h")
    first = min(found, key=lambda name: found[name])
    hours = found[first] * time_s / experiments / 3600
    return Figure(hours, "h", f"{first} lasts for {found[first]:.0f} experiments")


def _has_ul(profile: Profile, ledger: SyringeLedger, name: str) -> float:
    refill = profile.refills.get(name)
    kept_ul = ledger.flush_ul(name) + ledger.remainder_ul(name)
    if refill is None:
        return max(profile.streams[name].capacity_ul - kept_ul, 0.0)
    if refill.reservoir_ul is None:
        return math.inf
    return max(profile.streams[name].capacity_ul - kept_ul, 0.0) + refill.reservoir_ul
