"""Commands that reach the rig: guard, actuation, safe state, syringe and waste accounts."""
