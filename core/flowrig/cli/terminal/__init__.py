"""Text, tables, progress and keys on the terminal."""
