"""What is done to a run in real time, and what must become of it."""

import time
from collections.abc import Callable, Mapping, Sequence

from processes import wait_until, watchdogs_of
from trial import DEVICES, PUMPS, Scenario, Trial

__all__ = ["SCENARIOS"]

PLATE = ("plate",)
NO_ANSWER_S = 20.0
"""A run notices within so many seconds [s] that an instrument does not answer."""
WATCHDOG_S = 30.0
"""A run without its watchdog notices it, and switches the heat off, within so many seconds [s]."""


_Strike = Callable[[Trial], float]
"""Does something to a run; returns the time [s] from which on flowrig can do something."""


def _lost(devices: Sequence[str], for_s: float) -> _Strike:
    """Links that are lost; what counts is the moment at which they are back."""

    def strike(trial: Trial) -> float:
        return trial.rig.order("unplug", devices=devices, for_s=for_s) + for_s

    return strike


def _fault(fault: str, devices: Sequence[str] = PLATE, back_s: float = 0.0) -> _Strike:
    def strike(trial: Trial) -> float:
        times = [trial.rig.order("inject", device=d, fault=fault) for d in devices]
        return max(times) + back_s

    return strike


def _kill(trial: Trial) -> float:
    return trial.kill_run()


def _kill_in_flush(trial: Trial) -> float:
    trial.run.signal("SIGINT")
    trial.await_flush()
    return trial.kill_run()


def _freeze_run(trial: Trial) -> float:
    trial.run.signal("SIGSTOP")
    return time.time()


def _kill_both(action: str) -> _Strike:
    """No watchdog is left; what counts is the moment at which a person does something."""

    def strike(trial: Trial) -> float:
        trial.kill_watchdogs()
        trial.kill_run()
        trial.sleep(3.0)
        if trial.at_rest():
            raise RuntimeError("somebody made the rig safe")
        begun_s = time.time()
        command = trial.command(action, trial.folder)
        if not wait_until(lambda: not trial.hardware.heats, 20.0):
            raise RuntimeError(f"flowrig {action} did not switch the heat off: {command.text}")
        command.wait(240.0)
        return begun_s

    return strike


def _missing_at(action: str, device: str) -> _Strike:
    """Everything is killed, one instrument is unplugged, and a person does something."""

    def strike(trial: Trial) -> float:
        trial.kill_watchdogs()
        trial.kill_run()
        trial.rig.order("unplug", devices=[device], for_s=1e6)
        begun_s = time.time()
        command = trial.command(action, trial.folder)
        command.wait(240.0)
        wait_until(lambda: not trial.hardware.heats, 30.0)
        trial.rig.order("heal")
        if action == "safe":  # it ends with the advice to do it once more; a resume keeps trying
            trial.command("safe", trial.folder).wait(240.0)
        return begun_s

    return strike


def _safe_while_running(trial: Trial) -> float:
    refused = trial.command("safe", trial.folder, name="safe")
    code = refused.wait(60.0)
    if code != 2:
        raise RuntimeError(f"flowrig safe beside a run ended with {code}: {refused.text}")
    return time.time()


def _second_run(trial: Trial) -> float:
    second = trial.command(
        "run", trial.profile, "--out", trial.folder.with_name("second"), name="second"
    )
    code = second.wait(60.0)
    if code not in (1, 2):
        raise RuntimeError(f"a second run on the rig ended with {code}: {second.text}")
    return time.time()


def _signal(name: str) -> _Strike:
    def strike(trial: Trial) -> float:
        trial.run.signal(name)
        return time.time()

    return strike


def _twice(name: str) -> _Strike:
    def strike(trial: Trial) -> float:
        trial.run.signal(name)
        trial.sleep(0.5)
        trial.run.signal(name)
        return time.time()

    return strike


def _watchdog(name: str) -> _Strike:
    def strike(trial: Trial) -> float:
        if not watchdogs_of(trial.folder):
            raise RuntimeError("the run has no watchdog")
        return trial.kill_watchdogs(name)

    return strike


def _lost_in_flush(devices: Sequence[str], for_s: float) -> _Strike:
    def strike(trial: Trial) -> float:
        trial.run.signal("SIGINT")
        trial.await_flush()
        return _lost(devices, for_s)(trial)

    return strike


def _lost_as_it_stops(devices: Sequence[str], for_s: float) -> _Strike:
    def strike(trial: Trial) -> float:
        back_s = _lost(devices, for_s)(trial)
        trial.run.signal("SIGINT")
        return back_s

    return strike


def _all() -> Sequence[Scenario]:
    found = [
        Scenario("nothing", lambda trial: time.time(), ends_by_itself=True, states=("finished",)),
        Scenario("kill -9", _kill, resumes=True),
        Scenario("kill -9 in the flush", _kill_in_flush, posix=True),
        Scenario("SIGSTOP of the run", _freeze_run, posix=True, heat_off_s=25.0),
        Scenario("SIGSTOP of the watchdog", _watchdog("SIGSTOP"), posix=True, heat_off_s=WATCHDOG_S,
                 says=("watchdog",)),
        Scenario("kill -9 of the watchdog", _watchdog("SIGKILL"), posix=True,
                 heat_off_s=WATCHDOG_S, says=("watchdog",)),
        Scenario("kill -9 of both, then flowrig safe", _kill_both("safe"), posix=True),
        Scenario("kill -9 of both, then flowrig resume", _kill_both("resume"), posix=True,
                 heat_off_s=240.0, rest_s=300.0),  # it heats again, for the next experiment
        Scenario("Ctrl-C", _signal("SIGINT"), posix=True, states=("stopped",), resumes=True),
        Scenario("Ctrl-C twice", _twice("SIGINT"), posix=True),
        Scenario("SIGTERM", _signal("SIGTERM"), posix=True),
        Scenario("SIGHUP", _signal("SIGHUP"), posix=True),
        Scenario("flowrig safe beside the run", _safe_while_running, ends_by_itself=True,
                 states=("finished",)),
        Scenario("a second run on the instruments", _second_run, ends_by_itself=True,
                 states=("finished",)),
    ]  # fmt: skip
    for device in ("hdx_pl", "pump_csoa", "plate"):
        for action in ("resume", "safe"):
            # A plate that does not answer can be switched off only after it is back.
            found.append(
                Scenario(
                    f"{device} missing at {action}",
                    _missing_at(action, device),
                    heat_off_s=300.0 if device == "plate" else 20.0,
                    rest_s=300.0,
                    posix=True,
                    says=(device,),
                )
            )
    for for_s in (5, 10, 20, 45, 90):
        for name, devices in (("all links", DEVICES), ("the plate's link", PLATE)):
            found.append(Scenario(f"{name} lost for {for_s} s", _lost(devices, for_s),
                                  "the return of the links"))  # fmt: skip
        found.append(Scenario(f"the plate silent for {for_s} s",
                              _fault(f"mute for_s={for_s}", back_s=for_s),
                              "the return of its answers"))  # fmt: skip
        found.append(Scenario(f"the plate deaf for {for_s} s",
                              _fault(f"deaf for_s={for_s}", back_s=for_s),
                              "the return of its answers"))  # fmt: skip
    found += [
        Scenario("all links lost for 20 s as the run stops", _lost_as_it_stops(DEVICES, 20.0),
                 "the return of the links", posix=True),
        Scenario("all links lost for 60 s as the run stops", _lost_as_it_stops(DEVICES, 60.0),
                 "the return of the links", posix=True),
        Scenario("the plate's link lost for 10 s in the flush", _lost_in_flush(PLATE, 10.0),
                 "the return of the link", posix=True),
        Scenario("all links lost for 10 s in the flush", _lost_in_flush(DEVICES, 10.0),
                 "the return of the links", posix=True),
        Scenario("a pump's link lost for 10 s", _lost(PUMPS[:1], 10.0), "the return of the link"),
        Scenario("a spectrometer's link lost for 10 s", _lost(("hdx_pl",), 10.0),
                 "the return of the link"),
        Scenario("the plate answers 3 s late for 60 s", _fault("delay delay_s=3 for_s=60"),
                 heat_off_s=40.0),
        Scenario("a pump answers 3 s late for 60 s", _fault("delay delay_s=3 for_s=60", PUMPS[:1]),
                 heat_off_s=60.0),
        Scenario("brown-out of the plate", _fault("power-cycle times=1"),
                 heat_off_s=180.0),  # an F4T keeps its set point, and the run may go on
        Scenario("brown-out of all pumps", _fault("power-cycle times=1", PUMPS)),
        Scenario("brown-out of everything", _fault("power-cycle times=1", DEVICES)),
        Scenario("brown-out of a spectrometer", _fault("power-cycle times=1", ("hdx_pl",)),
                 heat_off_s=60.0),
    ]  # fmt: skip
    for name, fault, devices in (
        ("the set point raised at the panel", "panel-set-point", PLATE),
        ("a flow rate changed at its pump", "panel-rate", PUMPS[:1]),
        ("an exposure doubled by another program", "foreign-exposure", ("hdx_pl",)),
    ):
        found.append(
            Scenario(
                name,
                _fault(f"{fault} times=1", devices),
                # A spectrometer is asked before and after its acquisitions only.
                heat_off_s=90.0 if devices == ("hdx_pl",) else 20.0,
                states=("failed",),
                says=("changed-elsewhere", *devices),
            )
        )
    found.append(
        # The run switches its lamp before every acquisition, so that it may go on.
        Scenario("a lamp switched by another program", _fault("foreign-lamp times=1", ("hdx_pl",)),
                 heat_off_s=90.0)
    )  # fmt: skip
    return found


SCENARIOS: Mapping[str, Scenario] = {scenario.name: scenario for scenario in _all()}
