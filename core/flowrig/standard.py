"""What the core itself offers, through the same door as every plugin."""
