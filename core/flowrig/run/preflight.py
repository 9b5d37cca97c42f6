"""What a run would refuse, found before anything is opened; `flowrig check` prints the same."""

from importlib.util import find_spec

from attrs import frozen

from flowrig.campaign.optimizer.host import new_optimizer
from flowrig.clock import VirtualClock
from flowrig.errors import FlowrigError, InputError
from flowrig.interfaces import Detecting
from flowrig.learning.from_campaign import new_surrogate
from flowrig.plugins.offers import Offer
from flowrig.plugins.registry import Plugins
from flowrig.problem.pareto import ParetoObjective
from flowrig.profile import Profile
from flowrig.rig.rig import light_refusal
from flowrig.rig.simulated import chemistry_of, new_world, require_emulators
from flowrig.run.earlier_experiments import read_earlier
from flowrig.run.on_twin import simulated_chemistry

__all__ = [
    "SimulationOutlook",
    "refusals",
    "require_acceptable",
    "simulation_outlook",
    "simulation_refusal",
]


def require_acceptable(profile: Profile, plugins: Plugins, *, simulate: bool) -> None:
    """Refuse a run that could not be carried out; nothing is opened.

    Args:
        profile: the rig and its campaign.
        plugins: installed plugins.
        simulate: whether the instruments are to be emulated.

    Raises:
        InputError: a device cannot do what the profile needs, a plugin or earlier experiments are
            not there, or the rig cannot be simulated although that is wanted.
    """
    found = refusals(profile, plugins)
    if simulate and (reason := simulation_refusal(profile)):
        found.append(reason)
    if found:
        raise InputError("\n".join(found))


def refusals(profile: Profile, plugins: Plugins) -> list[str]:
    """Why a run of a profile would be refused, as far as that is known without its instruments.

    Parts whose packages are not installed are left out.

    Returns:
        one sentence for each reason; none if no reason is known.
    """
    found = [
        f"the {offer.kind} {offer.name!r} points to {offer.target!r}, which is not installed"
        for offer in {(one.kind, one.name): one for one in profile.offers}.values()
        if not offer.missing() and not _is_there(offer)
    ]
    if found:
        return found
    for name in profile.analysis.shuttered:
        device = profile.devices[name]
        if device.offer.missing():
            continue
        driver = device.offer.load()(name, device.settings, VirtualClock())
        if isinstance(driver, Detecting) and not driver.controls_light:
            found.append(light_refusal(name))
    found += _refused_goals(profile)
    try:
        read_earlier(profile, plugins)
    except FlowrigError as error:
        found.append(str(error))
    return found


def _refused_goals(profile: Profile) -> list[str]:
    """What optimizers say that do not take the several goals of the objective.

    Whether one that runs the code of others takes them is known only once it is built.
    """
    if profile.campaign is None or not isinstance(profile.objective, ParetoObjective):
        return []
    campaign, found = profile.campaign, []
    for stage in campaign.stages:
        if stage.is_study or stage.offer.missing():
            continue
        try:
            new_optimizer(profile, stage, 0, lambda: new_surrogate(campaign, 0, profile.space))
        except FlowrigError as error:
            found.append(f"stage {stage.name}: {error}")
    return found


@frozen
class SimulationOutlook:
    """What `--simulate` will do with a rig.

    Attributes:
        works: whether it can be simulated, as far as that is known without starting it.
        chemistry: name of the chemistry; None if the world takes none.
        invented: whether its numbers stand for nothing.
        refusal: why it does not work; "" if it does.
        unanswered: the results, by CHANNEL.QUANTITY, without which there is no objective, and of
            which the world knows nothing.
    """

    works: bool
    chemistry: str | None
    invented: bool
    refusal: str = ""
    unanswered: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.works:
            return f"it cannot be simulated: {self.refusal}"
        with_what = f" with the chemistry {self.chemistry}" if self.chemistry else ""
        told = "; its numbers are invented and stand for nothing" if self.invented else ""
        if self.unanswered:
            told += (
                f"; it says nothing of {' and '.join(self.unanswered)}, so that the run waits "
                "until `flowrig result` enters that for each experiment"
            )
        return f"--simulate works{with_what}{told}"


def simulation_outlook(profile: Profile) -> SimulationOutlook:
    """What `--simulate` will do with a rig; nothing is started."""
    refusal = simulation_refusal(profile)
    try:
        chemistry, invented = simulated_chemistry(profile)
    except FlowrigError:
        chemistry, invented = chemistry_of(profile), False
    unanswered = () if refusal else _unanswered(profile)
    return SimulationOutlook(not refusal, chemistry or None, invented, refusal, unanswered)


def _unanswered(profile: Profile) -> tuple[str, ...]:
    """The results that the objective needs and the simulated world does not give."""
    if not profile.awaited or profile.simulation is None:
        return ()
    try:
        known = new_world(profile, VirtualClock(), 0).can_be_analysed()
    except FlowrigError:  # the run says why
        return ()
    return () if known is None else tuple(one for one in profile.awaited if one not in known)


def simulation_refusal(profile: Profile) -> str:
    """Why a rig cannot be simulated; "" if it can, as far as that is known without starting it."""
    if any(device.offer.missing() for device in profile.devices.values()):
        return ""
    try:
        require_emulators(profile)
    except FlowrigError as error:
        return str(error)
    return ""


def _is_there(offer: Offer) -> bool:
    """Whether the module of an offer can be found; it is not imported."""
    try:
        return find_spec(offer.target.partition(":")[0]) is not None
    except (ImportError, ValueError):
        return False
