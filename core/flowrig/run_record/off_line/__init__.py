"""Results that are entered after their experiment: names, files on their way, and experiments."""
