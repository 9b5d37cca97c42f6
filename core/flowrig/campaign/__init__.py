"""The campaign: the loop, its diagnostics and its final model check."""
