"""The suites of checks, one module for each interface, and the scorecard."""
