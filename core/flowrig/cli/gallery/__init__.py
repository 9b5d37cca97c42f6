"""`flowrig gallery`: papers that are run again on emulated rigs."""
