"""Injections of faults: into instruments, disk, program, optimizer and profile."""
