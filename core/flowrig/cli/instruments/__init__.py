"""Commands for instruments, drivers and plugins."""
