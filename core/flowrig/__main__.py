"""`python -m flowrig`."""

from flowrig.cli import main

main(prog_name="flowrig")
