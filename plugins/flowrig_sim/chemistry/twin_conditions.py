"""Which conditions of the search space a parcel of liquid was made under."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from flowrig.emulation import Leg, Parcel
from flowrig.errors import InputError
from flowrig.problem.space import Value
from flowrig.problem.system import Equation
from flowrig.profile.model import Profile, Variable
from flowrig.profile.topology import Topology

__all__ = ["ConditionsOfParcels"]


class ConditionsOfParcels:
    """Reads the variables of a search space from parcels of its rig.

    Flow rates follow from the shares of a parcel and the flow in the component in which it was
    longest, temperatures from the components that are heated, and everything else from these: an
    expression is computed, and of a category the choice is taken whose equations hold best.

    Args:
        profile: the rig.

    Raises:
        InputError: a variable cannot be seen in a parcel.
    """

    def __init__(self, profile: Profile) -> None:
        self._variables = profile.variables
        self._streams = profile.streams
        self._system = profile.system
        self._heated = {
            name: one.heater for name, one in profile.path.items() if one.heater is not None
        }
        graph = Topology(profile).graph
        self._passing = {name: graph.reaching(name) for name in profile.streams}
        reached = {
            component
            for name, stream in profile.streams.items()
            if stream.role != "carrier"
            for component in self._passing[name]
        }
        self.needs_heat = any(name in reached for name in self._heated)
        self._carriers = tuple(n for n, one in profile.streams.items() if one.role == "carrier")
        self._require_visible(profile, reached)

    def rates_ul_min(self, parcel: Parcel) -> dict[str, float] | None:
        """Flow rate [µL/min] of every stream; None where the parcel was nowhere."""
        leg = self._leg(parcel)
        if leg is None:
            return None
        reactive_ul_min = parcel.reactive_share * leg.flow_ul_min
        rates = dict.fromkeys(self._streams, 0.0)
        for name, share in parcel.shares.items():
            rates[name] = share * reactive_ul_min / self._passing[name].get(leg.component, 1.0)
        passing = [n for n in self._carriers if self._passing[n].get(leg.component, 0.0) > 0.0]
        for name in passing:  # several count as equal; no variable needs them one by one
            carried = (1.0 - parcel.reactive_share) * leg.flow_ul_min / len(passing)
            rates[name] = carried / self._passing[name][leg.component]
        return rates

    def conditions(self, parcel: Parcel) -> dict[str, Value] | None:
        """Values by variable; None where the parcel was nowhere, or in no heat that it needs."""
        rates = self.rates_ul_min(parcel)
        if rates is None:
            return None
        controls: dict[str, float] = {**rates, **self._temperatures_c(parcel)}
        for name, value in parcel.devices.items():
            if not isinstance(value, str):
                controls[name] = value
        if self._system is None:
            return {one.name: _plain(one, controls, parcel) for one in self._variables}
        return self._solved(controls, parcel)

    def _solved(self, controls: Mapping[str, float], parcel: Parcel) -> dict[str, Value]:
        assert self._system is not None
        # What no parcel shows is in no variable.
        known = {**dict.fromkeys(self._system.unknowns, 0.0), **controls}
        choosing = [one for one in self._variables if one.choices]
        seen = {
            number: parcel.devices.get(one.device)
            for number, one in enumerate(choosing)
            if one.device is not None
        }
        choices = [
            choice
            for choice in self._system.branches
            if all(
                choosing[number].choices[choice[number]].name == position
                for number, position in seen.items()
            )
        ] or list(self._system.branches)
        misses = [_miss(self._system.branches[one].quotients, known) for one in choices]
        best = choices[int(np.argmin(misses))]
        branch = self._system.branches[best]
        values: dict[str, Value] = {
            one.name: one.choices[number].name for one, number in zip(choosing, best, strict=True)
        }
        for equation in branch.quotients:
            if isinstance(equation.value, str):
                values[equation.value] = equation.ratio.value(known)
        if branch.scale is not None and isinstance(branch.scale.value, str):
            row = np.array([[known[name] for name in branch.unknowns]])
            values[branch.scale.value] = float(branch.scale.routes.seconds(branch.unknowns, row)[0])
        return {one.name: values[one.name] for one in self._variables}

    def _leg(self, parcel: Parcel) -> Leg | None:
        """Where it was longest since the last junction, in the heat if it was in any."""
        legs = parcel.heated_legs() or parcel.legs
        return max(legs, key=lambda one: one.seconds, default=None)

    def _temperatures_c(self, parcel: Parcel) -> dict[str, float]:
        """By heater, the mean temperature [°C] in the component in which the parcel was longest."""
        longest: dict[str, Leg] = {}
        for legs in (parcel.legs, parcel.history()):
            for leg in legs:
                heater = self._heated.get(leg.component)
                if heater is not None and (
                    heater not in longest or leg.seconds > longest[heater].seconds
                ):
                    longest[heater] = leg
            if len(longest) == len(set(self._heated.values())):
                break
        return {heater: float(leg.temperature_c.mean()) for heater, leg in longest.items()}

    def _require_visible(self, profile: Profile, reached: set[str]) -> None:
        shown = {heater for name, heater in self._heated.items() if name in reached}
        for one, names in self._names_by_variable():
            for name in names:
                entry = profile.devices.get(name)
                if entry is not None and entry.offer.kind == "heater" and name not in shown:
                    raise InputError(
                        f"a twin cannot simulate {one}: no liquid that reacts passes {name}"
                    )
            carriers = [name for name in self._carriers if name in names]
            if carriers and len(self._carriers) > 1:
                raise InputError(
                    f"a twin cannot simulate {one}: in the sample it cannot tell the carriers "
                    f"{' and '.join(self._carriers)} apart"
                )

    def _names_by_variable(self) -> Iterator[tuple[str, frozenset[str]]]:
        """By variable, the names of what is set in its equations."""
        for one in self._variables:
            own = one.stream or one.heater or one.device
            if own is not None:
                yield one.name, frozenset((own,))
        for branch in () if self._system is None else self._system.branches.values():
            for equation in branch.quotients:
                if isinstance(equation.value, str):
                    names = equation.ratio.names
                    if _counts_alike(equation, self._carriers):  # as in a total: their sum is known
                        names -= set(self._carriers)
                    yield equation.value, names


def _counts_alike(equation: Equation, names: Sequence[str]) -> bool:
    forms = (equation.ratio.above, equation.ratio.below)
    return all(len({form.factors.get(name, 0.0) for name in names}) <= 1 for form in forms)


def _plain(one: Variable, controls: Mapping[str, float], parcel: Parcel) -> Value:
    if one.device is not None:
        return parcel.devices[one.device]
    return controls.get(one.stream or one.heater or "", 0.0)


def _miss(equations: Sequence[Equation], controls: Mapping[str, float]) -> float:
    """How far controls miss the equations with constants, relative to the terms of each."""
    missed = 0.0
    for equation in equations:
        if not isinstance(equation.value, str):
            above, below, value = equation.ratio.above, equation.ratio.below, equation.value
            rest = above.value(controls) - value * below.value(controls)
            size = abs(above.constant) + abs(value * below.constant)
            for form, factor in ((above, 1.0), (below, value)):
                size += sum(abs(factor * one * controls[n]) for n, one in form.factors.items())
            missed += abs(rest) / size if size > 0.0 else 0.0
    return missed
