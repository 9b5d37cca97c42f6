"""Commands that plan, start, control and end runs."""
