"""The daemons' control sockets (include/mnat/control.h), spoken directly."""
import json
import socket

from . import SLOW, LabError


class Control:
    """One connection; requests one after the other."""

    def __init__(self, path, timeout=5):
        self.path = str(path)
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout * SLOW)
        self.sock.connect(self.path)
        self.file = self.sock.makefile("rwb")
        self.greeting = self._line()

    def _line(self):
        line = self.file.readline()
        if not line:
            raise LabError(f"{self.path}: closed the connection")
        return json.loads(line)

    def call(self, cmd, **arguments):
        """(rows, last line)"""
        self.file.write(json.dumps({"cmd": cmd, **arguments}).encode() + b"\n")
        self.file.flush()
        rows = []
        while True:
            line = self._line()
            if "row" not in line:
                return rows, line
            rows.append(line["row"])

    def close(self):
        self.file.close()
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def dump(path, what):
    """Rows of one dump; [] when nobody is listening."""
    try:
        with Control(path) as control:
            rows, last = control.call("dump", what=what)
    except OSError:
        return []
    if last.get("code"):
        raise LabError(f"{path}: dump {what}: {last.get('error')}")
    return rows


def status(path):
    """The status line, or None when nobody is listening."""
    try:
        with Control(path) as control:
            return control.call("status")[1]
    except OSError:
        return None
