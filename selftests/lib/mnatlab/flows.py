"""Traffic between two namespaces, and what became of it."""
import hashlib
import json
import os
import re
import signal
import subprocess
import threading

from . import BUILD, SLOW
from .proc import Program, wait_until
from .services import listening
from .topology import SERVER, boottime

TEST = BUILD / "test"


class Pair:
    """One of our traffic programs on a client and on a server."""

    PROGRAM = ""
    READY = ""
    LISTENING = ""

    def __init__(self, client, server, port, *options, server_options=(), address=SERVER,
                 to_port=None):
        self.out = {}
        self.server = self._program(server, f"serve-{port}", [*server_options, "serve", port])
        self.server.wait_for(lambda: listening(server, port, self.LISTENING), "a socket")
        self.client = self._program(client, f"run-{port}", [*options, "run", address,
                                                               to_port or port])
        self.client.wait_text(self.READY)

    def _program(self, netns, name, argv):
        name = f"{self.PROGRAM}-{name}"
        path = netns.run_.dir / f"{netns.name}.{name}.json"
        with open(path, "wb") as out:
            program = Program(netns, name, [TEST / self.PROGRAM, *argv], stdout=out)
        self.out[program] = path
        return program

    def wait(self, timeout=20):
        """Let both end; {"node": result, "server": result}."""
        results = {}
        for side, program in (("node", self.client), ("server", self.server)):
            program.wait_exit(timeout)
            text = self.out[program].read_text()
            if not text:
                program.fail("ended without a result")
            results[side] = json.loads(text)
        return results

    def stop(self, timeout=20):
        self.client.signal(signal.SIGTERM)
        return self.wait(timeout)


class UdpFlow(Pair):
    """1,000 datagrams a second each way, numbered and stamped."""

    PROGRAM = "udpflow"
    READY = "ready"
    LISTENING = "-lnu"

    def __init__(self, client, server, port=5004, options=(), **kwargs):
        super().__init__(client, server, port, *options, **kwargs)

    GAP = re.compile(r"^gap at_us=(\d+) ms=([\d.]+) lost=(\d+)$", re.MULTILINE)

    LAST = re.compile(r"^last at_us=(\d+)$", re.MULTILINE)

    def _last_arrival(self, receiver):
        """µs; asked now."""
        asked = len(self.LAST.findall(receiver.log()))
        receiver.signal(signal.SIGUSR1)
        receiver.wait_for(lambda: len(self.LAST.findall(receiver.log())) > asked, "an answer")
        return int(self.LAST.findall(receiver.log())[-1])

    def outage(self, from_us):
        """(out, in): the longest silence since, in ms, of each way, 0 below 5 ms; waits
        until both ways are alive again."""
        longest = []
        for receiver in (self.server, self.client):
            asked_us = boottime() * 1e6
            wait_until(lambda: self._last_arrival(receiver) >= asked_us, 20,
                       f"the UDP flow to reach {receiver.netns.name} again")
            longest.append(max((float(ms) for at, ms, _ in self.GAP.findall(receiver.log())
                                if int(at) + float(ms) * 1000 >= from_us), default=0.0))
        return tuple(longest)


class TcpFlow(Pair):
    """A paced byte stream each way, hashed at all four ends. down: the server's rate, if it is
    another."""

    PROGRAM = "tcpflow"
    READY = "connected"
    LISTENING = "-lnt"

    def __init__(self, client, server, port=5001, rate=2_000_000, options=(), gap=20, down=None,
                 **kwargs):
        super().__init__(client, server, port, "-r", rate, "-g", gap, *options,
                         server_options=("-r", down or rate, "-g", gap), **kwargs)


class Download:
    """curl, its output hashed as it comes and its silences noted."""

    def __init__(self, netns, url, *options):
        self.program = Program(netns, "curl", [
            "curl", "--silent", "--show-error", "--no-buffer", *options, url],
            stdout=subprocess.PIPE)
        self.bytes = 0
        self.sha = hashlib.sha256()
        self.arrivals = []  # (time, bytes so far), one a few milliseconds
        self.ended = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        fd = self.program.popen.stdout.fileno()
        while chunk := os.read(fd, 1 << 18):
            self.sha.update(chunk)
            self.bytes += len(chunk)
            self.arrivals.append((boottime(), self.bytes))
        self.ended = boottime()

    def stall(self, since, until=None):
        """The longest silence, in ms, that touches the time since..until."""
        until = until or boottime()
        times = [when for when, _ in list(self.arrivals)]
        if self.ended is None:
            times.append(boottime())
        return 1000 * max((b - a for a, b in zip(times, times[1:]) if b >= since and a <= until),
                          default=0.0)

    def running(self):
        return self._thread.is_alive()

    def wait(self, timeout):
        """curl's exit status."""
        self._thread.join(timeout * SLOW)
        return self.program.wait_exit(1 if self._thread.is_alive() else timeout)


def connections(server, port):
    """The server's view: the peers of its established TCP connections on a port."""
    out = server.sh("ss", "-Htn", "state", "established", f"sport = :{port}")
    return sorted(line.split()[3] for line in out.splitlines())
