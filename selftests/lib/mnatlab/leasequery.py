"""Bulk and active leasequery (RFC 6926, 7724), as a requestor in a namespace asks."""
import socket
import struct
import threading
import time

from .capture import options_of

BULK, DONE, ACTIVE_QUERY, STATUS, TLS = 14, 15, 16, 17, 18
UNASSIGNED, ACTIVE = 11, 13
TYPES = {UNASSIGNED: "unassigned", ACTIVE: "active", DONE: "done", STATUS: "status", TLS: "tls"}
STATUS_CODES = ["Success", "UnspecFail", "QueryTerminated", "MalformedQuery", "NotAllowed",
                "DataMissing", "ConnectionActive", "CatchUpComplete", "TLSConnectionRefused"]


class Message:
    """One answer; number(code): an option of four bytes."""

    def __init__(self, data):
        self.data = data
        self.options = options_of(data[240:])
        self.type = TYPES[self.options[53][0]]
        self.address = socket.inet_ntoa(data[12:16])

    def number(self, code):
        return struct.unpack("!I", self.options[code])[0]

    def vivso(self):
        """Sub-options of option 125, or none."""
        return options_of(self.options.get(125, bytes(5))[5:])

    def host(self):
        """(type, address, virtual address, generation)"""
        sub = self.vivso()
        return (self.type, self.address, socket.inet_ntoa(sub[1]) if 1 in sub else None,
                struct.unpack("!I", sub[13])[0] if 13 in sub else None)

    def status(self):
        """(code's name, text)"""
        value = self.options.get(151, b"\0")
        return STATUS_CODES[value[0]], value[1:].decode()


def framed(op, kind, xid, address="0.0.0.0", mac=b"", **options):
    """A message after its length; options: oCODE=bytes"""
    data = struct.pack("!BBBBI4x", op, 1 if mac else 0, len(mac), 0, xid)
    data += socket.inet_aton(address) + bytes(12) + mac.ljust(16, b"\0") + bytes(192)
    data += b"\x63\x82\x53\x63" + bytes([53, 1, kind])
    for name, value in options.items():
        data += bytes([int(name[1:]), len(value)]) + value
    data += b"\xff"
    return struct.pack("!H", len(data)) + data


class Server(threading.Thread):
    """Another make of DHCP server, as far as it is asked for leases: addresses and MACs, no
    option of ours. It has one active query at a time."""

    def __init__(self, netns, address, leases):
        super().__init__(daemon=True)
        self.leases = leases
        self.queries = []
        self.reader = None
        self.listener = netns.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind((address, 67))
        self.listener.listen()
        self.start()

    def record(self, xid, kind, address, mac):
        state = 2 if kind == ACTIVE else 1
        return framed(2, kind, xid, address, mac, o152=struct.pack("!I", int(time.time())),
                      o51=struct.pack("!I", 600), o156=bytes([state]), o157=b"\0")

    def run(self):
        try:
            while True:
                self.serve(self.listener.accept()[0])
        except OSError:
            pass  # closed: the end

    def serve(self, connection):
        length = struct.unpack("!H", connection.recv(2, socket.MSG_WAITALL))[0]
        data = connection.recv(length, socket.MSG_WAITALL)
        xid, options = struct.unpack_from("!I", data, 4)[0], options_of(data[240:])
        self.queries.append((options[53][0], 154 in options))
        if options[53][0] == BULK:
            for address, mac in self.leases.items():
                connection.sendall(self.record(xid, ACTIVE, address, mac))
            connection.sendall(framed(2, DONE, xid))
        else:
            connection.sendall(framed(2, STATUS, xid, o151=b"\x07"))
            self.reader = (connection, xid)

    def tell(self, kind, address, mac):
        connection, xid = self.reader
        connection.sendall(self.record(xid, kind, address, mac))

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        if self.reader:
            self.reader[0].close()


class Requestor:
    """A connection; every message it got is kept in .messages."""

    def __init__(self, netns, server, port=67, source=None):
        self.socket = netns.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(10)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((server, port))
        self.messages = []

    def ask(self, kind, xid=0x51525354, **options):
        """options: oCODE=bytes"""
        self.socket.sendall(framed(1, kind, xid, **options))
        return self

    def _read(self, length):
        data = b""
        while len(data) < length:
            part = self.socket.recv(length - len(data))
            if not part:
                return None
            data += part
        return data

    def next(self):
        """The next message, or None: the server has closed."""
        head = self._read(2)
        if not head:
            return None
        self.messages.append(Message(self._read(struct.unpack("!H", head)[0])))
        return self.messages[-1]

    def until(self, kind):
        """Messages before one of that type, and that one."""
        before = []
        while (message := self.next()).type != kind:
            before.append(message)
        return before, message

    def bulk(self, **options):
        """The bindings of a bulk query, in the order of their addresses, and the last message."""
        self.ask(BULK, **options)
        bindings, done = self.until("done")
        return sorted(bindings, key=lambda m: socket.inet_aton(m.address)), done

    def active(self, since=None):
        options = {} if since is None else {"o154": struct.pack("!I", since)}
        return self.ask(ACTIVE_QUERY, **options)

    def close(self):
        self.socket.close()


def write_pcap(path, messages):
    """As datagrams to a relay's port, which is how tshark knows such messages."""
    with open(path, "wb") as file:
        file.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 228))
        for message in messages:
            data = message.data
            udp = struct.pack("!HHHH", 67, 67, 8 + len(data), 0) + data
            head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                               b"\x0a\0\0\1", b"\x0a\0\0\2")
            file.write(struct.pack("=IIII", 0, 0, len(head + udp), len(head + udp)) + head + udp)
