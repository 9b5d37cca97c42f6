"""`python small_disk.py BYTES …`: flowrig, on a disk that takes no file larger than that. POSIX."""

import resource
import signal
import sys

from flowrig.cli import main

if __name__ == "__main__":
    largest = int(sys.argv.pop(1))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write fails instead, as on a full disk
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
    main()
