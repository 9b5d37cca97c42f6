"""Studies of what a person brings to the rig or takes from it."""
