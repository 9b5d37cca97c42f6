"""Plans of time and volume before a run: dry run and rehearsal."""
