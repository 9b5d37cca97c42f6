"""Commands to the rig: state, guard, actuation, safe state, accounts of syringes and wastes."""
