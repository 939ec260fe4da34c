"""A run: namespaces of a random name, a directory, a place for pins. All of it goes
when the run ends: normally, by an exception, by SIGINT or SIGTERM, or, through a
small process that outlives us, by SIGKILL."""
import ctypes
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from . import SLOW, LabError

PREFIX = "mnat-"
NETNS_DIR = Path("/run/netns")
BPFFS = Path("/sys/fs/bpf")
MEMORY = Path("/dev/shm")
LIBC = ctypes.CDLL(None, use_errno=True)


class Interrupted(BaseException):
    """SIGINT or SIGTERM came."""


def sh(argv, stdin="", timeout=60):
    """Run a command to its end; its output, or LabError with what it said."""
    argv = [str(a) for a in argv]
    done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=timeout * SLOW)
    if done.returncode:
        raise LabError(f"{' '.join(argv)}: exit {done.returncode}: {done.stderr.strip()}")
    return done.stdout


class Netns:
    """One network namespace of a run."""

    def __init__(self, run, name):
        self.run_ = run
        self.name = name
        self.full_name = f"{PREFIX}{run.token}-{name}"
        self.path = NETNS_DIR / self.full_name
        sh(["ip", "netns", "add", self.full_name])
        self.sysctl({"net.ipv4.conf.all.rp_filter": 0, "net.ipv4.conf.default.rp_filter": 0,
                     "net.ipv6.conf.all.disable_ipv6": 1,
                     "net.ipv6.conf.default.disable_ipv6": 1})
        self.ip("link set lo up")

    def argv(self, argv):
        """The command line that runs argv in here. Not `ip netns exec`: it hides bpffs."""
        return ["nsenter", f"--net={self.path}"] + [str(a) for a in argv]

    def sh(self, *argv, **kwargs):
        return sh(self.argv(argv), **kwargs)

    def socket(self, *arguments):
        """A socket of this namespace: made by a thread that enters it and ends."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(self._socket, arguments).result()

    def _socket(self, arguments):
        with open(self.path, "rb") as namespace:
            if LIBC.setns(namespace.fileno(), 0):
                raise LabError(f"{self.path}: {os.strerror(ctypes.get_errno())}")
        return socket.socket(*arguments)

    def ip(self, *commands):
        """ip commands, one a string, in one go."""
        sh(self.argv(["ip", "-batch", "-"]), stdin="\n".join(commands))

    def sysctl(self, values):
        self.sh("sysctl", "-q", *(f"{key}={value}" for key, value in values.items()))

    def router(self):
        self.sysctl({"net.ipv4.ip_forward": 1, "net.ipv4.conf.all.send_redirects": 0,
                     "net.ipv4.conf.default.send_redirects": 0})


def veth(a, a_name, b, b_name):
    """A cable between namespaces a and b, both ends up."""
    sh(["ip", "link", "add", a_name, "netns", a.full_name, "type", "veth",
        "peer", "name", b_name, "netns", b.full_name])
    a.ip(f"link set dev {a_name} up")
    b.ip(f"link set dev {b_name} up")
    a.run_.cables[a, a_name] = b, b_name
    a.run_.cables[b, b_name] = a, a_name


class Run:
    """Everything one test or demonstration leaves on the machine while it lasts."""

    def __init__(self, keep=False):
        self.token = secrets.token_hex(3)
        self.dir = Path(tempfile.gettempdir()) / f"{PREFIX}{self.token}"
        self.pins = BPFFS / f"{PREFIX}{self.token}"
        self.keep = keep
        self.mode = "tc"  # of gateways: "tc", "native" or "generic" (XDP)
        self.kept = False
        self.netns = {}
        self.cables = {}  # (namespace, device) -> the far end of its cable
        self.programs = []
        self._reaper = subprocess.Popen(
            [sys.executable, "-m", "mnatlab.netns", self.token], stdin=subprocess.PIPE,
            cwd=Path(__file__).parents[1], start_new_session=True)
        os.umask(0o022)  # the servers' own users read there
        self.dir.mkdir()

    def add(self, name):
        self.netns[name] = Netns(self, name)
        return self.netns[name]

    def roomy_dir(self, size):
        """A directory for size bytes, in memory if they fit twice: writing hundreds of
        megabytes to a disk slows what is measured beside it."""
        room = os.statvfs(MEMORY) if MEMORY.is_dir() else None
        if not room or room.f_bavail * room.f_frsize < 2 * size:
            return self.dir
        directory = MEMORY / self.dir.name
        directory.mkdir(mode=0o755, exist_ok=True)
        return directory

    def close(self, failed=False):
        with deaf():
            self.kept = self.keep and failed
            for program in [] if self.kept else self.programs:
                program.kill9()
            self._reaper.communicate(b"keep" if self.kept else b"")

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.close(failed=kind is not None and not issubclass(kind, Interrupted))


def remove(token):
    """End what runs in the namespaces of a run and remove all it has left."""
    names = [path.name for path in NETNS_DIR.glob(f"{PREFIX}{token}-*")]
    for name in names:
        pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True)
        for pid in pids.stdout.split():
            try:
                os.kill(int(pid), signal.SIGKILL)
            except ProcessLookupError:
                pass
    for name in names:
        subprocess.run(["ip", "netns", "delete", name], stderr=subprocess.DEVNULL)
    for place in (BPFFS, MEMORY, Path(tempfile.gettempdir())):
        shutil.rmtree(place / f"{PREFIX}{token}", ignore_errors=True)


def _interrupt(number, frame):
    raise Interrupted(signal.Signals(number).name)


def catch_signals():
    """SIGINT, SIGTERM and SIGHUP become Interrupted, so that `with` blocks unwind."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


@contextmanager
def deaf():
    """Signals wait: for steps that must not be left half done."""
    wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _reap():
    """Wait until the process that owns the run closes our input, or dies; then tidy up."""
    if sys.stdin.buffer.read() != b"keep":
        remove(sys.argv[1])


if __name__ == "__main__":
    _reap()
