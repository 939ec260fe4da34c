"""A wall clock for some programs alone, which a test may set while they run."""
import mmap
import struct

from . import BUILD

YEAR = 365 * 86400


class Clock:
    """CLOCK_REALTIME of the programs it wraps; the machine's own, and the clocks that only go
    forward, stay what they are."""

    def __init__(self, run):
        self.path = run.dir / "wall-clock"
        self.path.write_bytes(bytes(8))
        with open(self.path, "r+b") as file:
            self.offset = mmap.mmap(file.fileno(), 8)

    def step(self, seconds):
        """So far from the machine's, from now on."""
        self.offset[:] = struct.pack("q", seconds)

    def wrap(self):
        return ["env", f"LD_PRELOAD={BUILD / 'test' / 'wallclock.so'}", f"WALLCLOCK={self.path}"]
