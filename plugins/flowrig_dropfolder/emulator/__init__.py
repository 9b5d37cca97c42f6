"""A fake program of a lab, which watches a drop folder as one in LabVIEW does."""
