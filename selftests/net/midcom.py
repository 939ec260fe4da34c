"""Midcom as a manager of anybody's would speak it (include/mnat/simco.h)."""
import ipaddress
import socket
import struct

from mnatlab.checks import check, equal
from mnatlab.mobilenat import Gateway
from mnatlab.scenario import scenario
from mnatlab.topology import EXTERNAL, VIRTUAL, Internet

HEADER = struct.Struct(">BBHI")
REQUEST, POSITIVE = 1, 2
SE, PER, PLC = 0x01, 0x12, 0x15
VERSION, RULE, GROUP, LIFETIME, TUPLE = 0x0001, 0x0005, 0x0006, 0x0007, 0x0009
INSIDE = 0


def attribute(kind, value):
    return struct.pack(">HH", kind, len(value)) + value + bytes(-len(value) % 4)


def u32(kind, number):
    return attribute(kind, struct.pack(">I", number))


class Manager:
    """A session at a gateway's Unix socket."""

    def __init__(self, gateway):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(str(gateway.run_dir / "midcom.sock"))
        self.transaction = 0
        self.ask(SE, attribute(VERSION, bytes((3, 0, 0, 0))))

    def _read(self, length):
        data = b""
        while len(data) < length:
            chunk = self.sock.recv(length - len(data))
            check(chunk, "the agent has closed the session")
            data += chunk
        return data

    def ask(self, subtype, *attributes):
        """{attribute: first value} of the positive reply."""
        body = b"".join(attributes)
        self.transaction += 1
        self.sock.sendall(HEADER.pack(REQUEST, subtype, len(body), self.transaction) + body)
        basic, got, length, transaction = HEADER.unpack(self._read(HEADER.size))
        data = self._read(length)
        equal((basic, got, transaction), (POSITIVE, subtype, self.transaction), "the reply")
        values = {}
        while data:
            kind, n = struct.unpack_from(">HH", data)
            values.setdefault(kind, data[4:4 + n])
            data = data[4 + n + -n % 4:]
        return values


@scenario("midcom.rules")
def rules(run):
    """A manager's rule: as dumped, over the agent's death, and ended."""
    gateway = Gateway(Internet(run, "switched"))
    gateway.load()
    gateway.start_daemon("mnat-midcomd")
    equal(gateway.ctl("dump", "rules"), [], "rules before any")
    inside = struct.pack(">BBBBHH4s", INSIDE, 4, 17, 32, 5060, 1,
                         ipaddress.IPv4Address(VIRTUAL).packed)
    reply = Manager(gateway).ask(PER, attribute(TUPLE, inside), u32(LIFETIME, 600), u32(GROUP, 7))
    rule = int.from_bytes(reply[RULE], "big")

    def dumped():
        row, = gateway.ctl("dump", "rules")
        check(0 < row.pop("lifetime_s") <= 600, "what is left of 600 seconds")
        equal(row.pop("external").split(":")[0], EXTERNAL, "the external address")
        return row
    expected = {"rule": rule, "owner": "local", "group": 7, "state": "enabled", "proto": "udp",
                "inside": f"{VIRTUAL}:5060"}
    equal(dumped(), expected, "the rule")
    gateway.daemons["mnat-midcomd"].kill9()
    gateway.start_daemon("mnat-midcomd")
    equal(dumped(), expected, "the rule after the agent's death")
    Manager(gateway).ask(PLC, u32(RULE, rule), u32(LIFETIME, 0))
    equal(gateway.ctl("dump", "rules"), [], "rules after its end")
