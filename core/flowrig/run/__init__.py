"""Start, resume and supervise a run: session, watchdog, lease, make safe."""
