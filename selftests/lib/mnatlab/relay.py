"""Between two daemons of one box: messages are passed on one by one, and a trap holds the
one that it names, so that a daemon can be killed at exactly that step of a handover."""
import json
import os
import socket
import struct
import threading

from . import SLOW
from .checks import fail

SIMCO = {0x01: "SE", 0xe1: "HELLO", 0xe2: "HREB", 0xe3: "HSYNC", 0xe4: "HANC", 0xe5: "HARR",
         0xe6: "FEXP", 0xe7: "FIMP", 0xe8: "HEND"}
REQUEST, POSITIVE = 1, 2
HEADER = struct.Struct(">BBHI")


class SimcoNames:
    """HREB for a request, HREB+ for its positive reply, - for a negative one, of whatever."""

    @staticmethod
    def split(data):
        """(length, name) of the first message, or None: not whole yet."""
        if len(data) < HEADER.size:
            return None
        basic, subtype, length, _ = HEADER.unpack_from(data)
        if len(data) < HEADER.size + length:
            return None
        name = SIMCO.get(subtype, hex(subtype)) + ("" if basic == REQUEST else "+")
        return HEADER.size + length, name if basic in (REQUEST, POSITIVE) else "-"


class LineNames:
    """lease for a batch of leases, lease+ for its answer."""

    @staticmethod
    def split(data):
        end = data.find(b"\n")
        if end < 0:
            return None
        message = json.loads(data[:end])
        name = message.get("cmd") or message.get("notify")
        return end + 1, name or ("lease+" if "pending" in message else "-")


class Trap:
    """Springs at the first message of that name."""

    def __init__(self, name):
        self.name = name
        self.sprung = threading.Event()
        self.released = threading.Event()

    def wait(self, timeout=15):
        if not self.sprung.wait(timeout * SLOW):
            self.released.set()
            fail(f"no message {self.name} within {timeout} s")

    def release(self):
        """Let it go on, if there is still somebody to take it."""
        self.released.set()


class Relay:
    """Listens at path, speaks to target; connections end as soon as one side's does."""

    def __init__(self, path, target, names):
        self.target = str(target)
        self.names = names
        self.traps = []
        self.lock = threading.Lock()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        os.chmod(path, 0o600)
        self.listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def trap(self, name):
        trap = Trap(name)
        with self.lock:
            self.traps.append(trap)
        return trap

    def _accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.target)
            except OSError:
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(source, sink), daemon=True).start()

    def _hold(self, name):
        with self.lock:
            trap = next((trap for trap in self.traps if trap.name == name), None)
            if trap:
                self.traps.remove(trap)
        if trap:
            trap.sprung.set()
            trap.released.wait()

    def _pass_on(self, source, sink):
        data = b""
        try:
            while chunk := source.recv(65536):
                data += chunk
                while message := self.names.split(data):
                    length, name = message
                    self._hold(name)
                    sink.sendall(data[:length])
                    data = data[length:]
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
