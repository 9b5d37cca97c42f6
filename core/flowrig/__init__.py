"""flowrig: plugin-based hardware abstraction for self-driving fluidic labs."""

__version__ = "0.1.0"
