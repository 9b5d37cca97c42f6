"""The protocol of New Era pumps, and the line to a chain of them."""
