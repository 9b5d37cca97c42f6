"""Steps and procedures, the executor that performs them, work by hand, and commissioning."""
