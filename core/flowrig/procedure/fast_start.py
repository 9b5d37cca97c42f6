"""The way to the steady state where the first part of the liquid flows faster."""

from collections.abc import Generator, Mapping
from typing import Any

from flowrig.procedure.steps import SetFlowRates, Start, Step, Stop, Wait, WaitSteady
from flowrig.profile import FastStart, Profile

__all__ = ["fast_start", "rush_factor"]


def rush_factor(profile: Profile, fast: FastStart, flow_rates_ul_min: Mapping[str, float]) -> float:
    """How many times as fast the first part flows, within the limits of the profile; at least 1.

    Args:
        profile: limits of the streams and of the total flow rate.
        fast: the factor that is wanted.
        flow_rates_ul_min: of the conditions, by stream, none of them 0.
    """
    streams = profile.streams
    room = [streams[n].flow_rate_ul_min[1] / rate for n, rate in flow_rates_ul_min.items()]
    total_ul_min = sum(flow_rates_ul_min.values())
    return max(1.0, min(fast.factor, profile.limits.total_flow_ul_min[1] / total_ul_min, *room))


def fast_start(
    profile: Profile,
    fast: FastStart,
    flow_rates_ul_min: Mapping[str, float],
    equilibrium_s: float,
    set_points_c: Mapping[str, float],
) -> Generator[Step, Any, None]:
    """Start the flow, and wait for the steady state; it flows at the rates of the conditions then.

    It delivers what these rates deliver in the equilibrium time. Heaters that are not stable at the
    end of the first part are waited for while nothing flows, so that the volume stays the same.

    Args:
        profile: the rig.
        fast: how the first part flows.
        flow_rates_ul_min: of the conditions, by stream.
        equilibrium_s: time [s] of the wait at these rates.
        set_points_c: of heaters [°C] that are near them; those that are stable may be left out.
    """
    streams, factor = tuple(flow_rates_ul_min), rush_factor(profile, fast, flow_rates_ul_min)
    times = profile.residence_time.equilibrium
    last_s = equilibrium_s * fast.last / times
    first = f"steady state, the first {times - fast.last:.3g} τ"
    yield SetFlowRates({name: rate * factor for name, rate in flow_rates_ul_min.items()})
    yield Start(streams)
    is_steady = yield Wait((equilibrium_s - last_s) / factor, first, set_points_c)
    is_steady = is_steady or not set_points_c
    if factor > 1.0 or not is_steady:
        yield Stop(streams)
        if not is_steady:
            yield WaitSteady(set_points_c)
        yield SetFlowRates(flow_rates_ul_min)
        yield Start(streams)
    yield Wait(last_s, f"steady state, the last {fast.last:.3g} τ")
