"""The journal of a run: its file, its events, its check and its writer."""
