"""A quick rig whose CuI and PFO fill themselves from reservoirs, by a valve each."""

from watched_rig import QUICK, WORLD

__all__ = ["REFILLS", "RIG", "refilling"]

REFILLS = """
[devices.v_cui]
driver = "vici"
address = "COM41"
deadline = "1 s"
positions = { run = 1, fill = 2, off = 3 }
safe = "off"

[devices.v_pfo]
driver = "vici"
address = "COM42"
deadline = "1 s"
positions = { run = 2, fill = 1 }
safe = "run"

[streams.CuI]
syringe = { volume = "1 mL", inner_diameter = "4.61 mm" }
[streams.CuI.refill]
valve = "v_cui"
fill = "fill"
run = "run"
below = "0.9 mL"
rate = "500 uL/min"
reservoir = "20 mL"

[streams.PFO]
syringe = { volume = "10 mL", inner_diameter = "14.567 mm" }
[streams.PFO.refill]
valve = "v_pfo"
fill = "fill"
run = "run"
below = "9.5 mL"
rate = "2 mL/min"
"""


def refilling(experiments: int = 2, more: str = "") -> str:
    """The rig as TOML.

    Args:
        experiments: number of experiments.
        more: further tables.
    """
    return QUICK.format(experiments=experiments) + REFILLS + WORLD + more


RIG = refilling()
