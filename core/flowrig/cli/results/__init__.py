"""Commands that read results: report, export, replay, twin, bench."""
