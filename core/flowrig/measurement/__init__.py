"""From raw frames to features, quality and objective."""
