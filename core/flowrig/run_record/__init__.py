"""A run as it is on the disk: reader, experiments, folder, lock, status, provenance."""
