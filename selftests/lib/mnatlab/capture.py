"""Packets at a point, as tcpdump sees them, decoded."""
import re
import signal
import socket
import struct
from dataclasses import dataclass, field

from . import xdp
from .proc import Program, wait_until

IPIP, TCP, UDP, ICMP = 4, 6, 17, 1
NAMES = {TCP: "tcp", UDP: "udp", ICMP: "icmp"}


class Capture:
    """tcpdump on a device, from now until stop()."""

    def __init__(self, netns, device, expression="", whole=False):
        netns, device = xdp.visible_end(netns, device)
        self.path = netns.run_.dir / f"{netns.name}.{device}.{len(netns.run_.programs)}.pcap"
        self.program = Program(netns, f"tcpdump-{device}-{len(netns.run_.programs)}", [
            "tcpdump", "-i", device, "-p", "-n", "-s", "0" if whole else "400", "-B", "65536", "-U",
            "--immediate-mode", "-Z", "root", "-w", self.path, *expression.split()])
        self.program.wait_text("listening on")
        # on a busy device the kernel counts what came before the filter was in place
        self.missed = min(received - captured for captured, received in
                          (self._counts() for _ in range(3)))

    COUNTS = re.compile(r"(\d+) packets? captured, (\d+) packets? received by filter")

    def _counts(self):
        """(captured, received by filter) as tcpdump says now"""
        asked = len(self.COUNTS.findall(self.program.log()))
        self.program.signal(signal.SIGUSR1)
        self.program.wait_for(lambda: len(self.COUNTS.findall(self.program.log())) > asked,
                              "its counts")
        return tuple(map(int, self.COUNTS.findall(self.program.log())[-1]))

    def stop(self):
        """The packets up to now, in order."""
        _, received = self._counts()
        wait_until(lambda: self._counts()[0] >= received - self.missed, 10,
                   "tcpdump to write what it has")
        self.program.stop()
        dropped = re.search(r"^(\d+) packets? dropped by kernel", self.program.log(), re.MULTILINE)
        if not dropped or int(dropped[1]):
            self.program.fail("the kernel dropped packets of this capture")
        return read(self.path)


@dataclass
class Packet:
    time: float
    source_mac: str
    ethertype: int
    raw: bytes = field(repr=False)  # from the network header on
    source: str = ""
    target: str = ""
    protocol: int = 0
    ttl: int = 0
    sport: int = 0
    dport: int = 0
    flags: int = 0  # TCP's
    payload: bytes = field(default=b"", repr=False)
    truncated: bool = False

    @property
    def four(self):
        """'10.0.1.5:1756 > 128.59.16.149:80'"""
        return f"{self.source}:{self.sport} > {self.target}:{self.dport}"

    @property
    def inner(self):
        """The packet in an IP-in-IP packet, or None."""
        if self.ethertype != 0x0800 or self.protocol != IPIP:
            return None
        ihl, length = (self.raw[0] & 15) * 4, struct.unpack_from("!H", self.raw, 2)[0]
        frame = bytes(12) + b"\x08\0" + self.raw[ihl:length or None]
        return _decode(self.time, frame, len(frame) + self.truncated)

    @property
    def path(self):
        """'four', or for a tunnel packet '135.180.32.4 > 143.32.2.70 [four of the inner]'"""
        inner = self.inner
        return f"{self.source} > {self.target} [{inner.four}]" if inner else self.four

    @property
    def is_arp(self):
        return self.ethertype == 0x0806

    def names(self, address):
        """Does the address appear anywhere in the network headers, ARP bodies included?"""
        wanted = socket.inet_aton(address)
        if self.is_arp:
            return wanted in (self.raw[14:18], self.raw[24:28])
        return self.source == address or self.target == address

    def checksum_errors(self):
        """Which checksums are wrong: [], ["ip"], ["tcp"], ..."""
        if self.ethertype != 0x0800 or self.truncated:
            return []
        ihl = (self.raw[0] & 15) * 4
        errors = [] if ones_sum(self.raw[:ihl]) == 0xffff else ["ip"]
        if self.protocol == IPIP:
            return errors + [f"inner {name}" for name in self.inner.checksum_errors()]
        body = self.raw[ihl:struct.unpack_from("!H", self.raw, 2)[0]]
        if self.protocol == UDP and body[6:8] == b"\0\0":
            return errors
        pseudo = b""
        if self.protocol in (TCP, UDP):
            pseudo = self.raw[12:20] + struct.pack("!BBH", 0, self.protocol, len(body))
        if self.protocol in NAMES and ones_sum(pseudo + body) != 0xffff:
            errors.append(NAMES[self.protocol])
        return errors


def ones_sum(data):
    """Internet checksum's sum, 0xffff over data that carries a right one."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def _decode(when, frame, full_length):
    packet = Packet(when, frame[6:12].hex(":"), struct.unpack_from("!H", frame, 12)[0], frame[14:])
    ip = packet.raw
    if packet.ethertype != 0x0800 or len(ip) < 20:
        return packet
    ihl = (ip[0] & 15) * 4
    packet.ttl, packet.protocol = ip[8], ip[9]
    packet.source, packet.target = socket.inet_ntoa(ip[12:16]), socket.inet_ntoa(ip[16:20])
    packet.truncated = full_length > len(frame)
    body = ip[ihl:struct.unpack_from("!H", ip, 2)[0] or None]
    if packet.protocol in (TCP, UDP) and len(body) >= 8:
        packet.sport, packet.dport = struct.unpack_from("!HH", body)
    if packet.protocol == UDP:
        packet.payload = body[8:]
    elif packet.protocol == TCP and len(body) >= 20:
        packet.flags = body[13]
        packet.payload = body[(body[12] >> 4) * 4:]
    return packet


def read(path):
    """All whole packets of a pcap file that tcpdump may still be writing."""
    data = path.read_bytes()
    packets = []
    at = 24
    while at + 16 <= len(data):
        seconds, fraction, length, full = struct.unpack_from("<IIII", data, at)
        at += 16
        if at + length > len(data):
            break
        packets.append(_decode(seconds + fraction / 1e6, data[at:at + length], full))
        at += length
    return packets


def ip_only(packets, address=None, protocol=None):
    """Those of IPv4, with one end there, of one protocol."""
    return [p for p in packets if p.ethertype == 0x0800
            and (address is None or address in (p.source, p.target))
            and (protocol is None or p.protocol == protocol)]


@dataclass
class Dhcp:
    """A DHCP message; options by their code, joined (RFC 3396)."""
    packet: Packet
    type: str
    xid: int
    ciaddr: str
    yiaddr: str
    giaddr: str
    chaddr: str
    options: dict = field(repr=False)

    TYPES = " discover offer request decline ack nak release inform forcerenew".split(" ")

    def address(self, code):
        return socket.inet_ntoa(self.options[code]) if code in self.options else None

    def vivso(self, enterprise=32473):
        """Sub-options of option 125 under our enterprise number, or None."""
        data = self.options.get(125, b"")
        while len(data) >= 5:
            number, length = struct.unpack_from("!IB", data)
            if number == enterprise:
                return options_of(data[5:5 + length])
            data = data[5 + length:]
        return None

    def shim(self, form="vivso"):
        """The virtual address it carries in that form, or None."""
        value = (self.vivso() or {}).get(1) if form == "vivso" else self.options.get(224)
        return socket.inet_ntoa(value[:4]) if value else None


def options_of(data):
    """code -> value, joined"""
    options = {}
    at = 0
    while at < len(data) and data[at] != 255:
        if data[at] == 0:
            at += 1
            continue
        code, length = data[at], data[at + 1]
        options[code] = options.get(code, b"") + data[at + 2:at + 2 + length]
        at += 2 + length
    return options


def dhcp_messages(packets):
    messages = []
    for packet in packets:
        data = packet.payload
        if packet.protocol == UDP and {packet.sport, packet.dport} & {67, 68} and len(data) > 240:
            options = options_of(data[240:])
            addresses = [socket.inet_ntoa(data[at:at + 4]) for at in (12, 16, 24)]
            messages.append(Dhcp(packet, Dhcp.TYPES[options[53][0]],
                                 struct.unpack_from("!I", data, 4)[0], *addresses,
                                 data[28:34].hex(":"), options))
    return messages
