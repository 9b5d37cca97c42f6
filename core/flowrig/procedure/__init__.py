"""Steps and procedures, and the executor that performs them."""
