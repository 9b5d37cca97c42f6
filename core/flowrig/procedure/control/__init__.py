"""Control loops: a reading is kept at a value while an experiment flows."""
