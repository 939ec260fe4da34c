"""What must be dropped, counted by its cause, and change nothing: messages, frames; a full disk."""
import json
import os
import socket
import struct
import sys
import time

from mnatlab.capture import Capture, dhcp_messages, ones_sum
from mnatlab.checks import check, equal, flow_whole, stream_whole
from mnatlab.flows import TcpFlow, UdpFlow
from mnatlab.mobilenat import BIN, Gateway, Node
from mnatlab.netns import sh
from mnatlab.proc import Program, wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Udhcpc
from mnatlab.topology import ACTUAL_1, EXTERNAL, GATEWAY_INSIDE, SERVER, UPLINK, VIRTUAL, Internet

from move import running_node, wait_progress

# ---- DHCP ----

MAC = bytes.fromhex("020000000bad")
DISCOVER, REQUEST = b"\x35\x01\x01", b"\x35\x01\x03"


def dhcp(options=DISCOVER + b"\xff", op=1, htype=1, hlen=6, hops=1, giaddr="10.0.1.1",
         ciaddr="0.0.0.0", magic=b"\x63\x82\x53\x63", sname=b"", file=b""):
    """A message as a relay of subnet 1 would pass it on."""
    return (struct.pack("!BBBBIHH4s8x4s", op, htype, hlen, hops, 0xbad0bad, 0, 0,
                        socket.inet_aton(ciaddr), socket.inet_aton(giaddr))
            + MAC.ljust(16, b"\0") + sname.ljust(64, b"\0") + file.ljust(128, b"\0")
            + magic + options)


def vivso(data, enterprise=32473):
    return b"\x7d" + bytes([len(data) + 5]) + struct.pack("!IB", enterprise, len(data)) + data


# (what, message, counter)
MESSAGES = [
    ("no byte", b"", "short"),
    ("header cut by one", dhcp(b"")[:-1], "short"),
    ("noise", bytes(range(256)) * 2, "op"),
    ("1473 bytes", dhcp(DISCOVER + b"\xff").ljust(1473, b"\0"), "long"),
    ("a reply", dhcp(op=2), "op"),
    ("op 0", dhcp(op=0), "op"),
    ("token ring", dhcp(htype=6), "hardware"),
    ("hardware address of 255 bytes", dhcp(hlen=255), "hardware"),
    ("hardware address of no byte", dhcp(hlen=0), "hardware"),
    ("17 relays", dhcp(hops=17), "hops"),
    ("another cookie", dhcp(magic=b"\x63\x82\x53\x64"), "magic"),
    ("no options", dhcp(b""), "type"),
    ("no type", dhcp(b"\x32\x04\x0a\x00\x01\x09\xff"), "type"),
    ("type of two bytes", dhcp(b"\x35\x02\x01\x01\xff"), "type"),
    ("type 0", dhcp(b"\x35\x01\x00\xff"), "type"),
    ("type 99", dhcp(b"\x35\x01\x63\xff"), "type"),
    ("an OFFER", dhcp(b"\x35\x01\x02\xff"), "type"),
    ("option without length", dhcp(DISCOVER + b"\x32"), "option"),
    ("option beyond the end", dhcp(DISCOVER + b"\x32\x04\x0a\x00"), "option"),
    ("requested address of 3 bytes", dhcp(DISCOVER + b"\x32\x03\x0a\x00\x01\xff"), "length"),
    ("server id of 5 bytes", dhcp(REQUEST + b"\x36\x05\x0a\x00\x00\x01\x00\xff"), "length"),
    ("lease time of 2 bytes", dhcp(DISCOVER + b"\x33\x02\x00\x01\xff"), "length"),
    ("overload 4", dhcp(DISCOVER + b"\x34\x01\x04\xff"), "length"),
    ("overloaded file runs over", dhcp(DISCOVER + b"\x34\x01\x01\xff",
                                       file=b"\x0c\xff" + b"x" * 126), "option"),
    ("seed option of 3 bytes", dhcp(DISCOVER + b"\xe0\x03\x00\x00\x00\xff"), "length"),
    ("option 125 of 4 bytes", dhcp(DISCOVER + b"\x7d\x04\x00\x00\x7e\xd9\xff"), "length"),
    ("block beyond option 125", dhcp(DISCOVER + b"\x7d\x05\x00\x00\x7e\xd9\x06\xff"), "length"),
    ("sub-option beyond its block", dhcp(DISCOVER + vivso(b"\x01\x04\x00\x00") + b"\xff"),
     "length"),
    ("virtual address of 3 bytes", dhcp(DISCOVER + vivso(b"\x01\x03\x00\x00\x00") + b"\xff"),
     "length"),
    ("relay of no subnet", dhcp(giaddr="192.0.2.1"), "unknown_subnet"),
    ("client id of 256 bytes", dhcp(DISCOVER + (b"\x3d\xff" + b"i" * 255) + b"\x3d\x01i\xff"),
     "client_id_long"),
    ("REQUEST of a stranger", dhcp(REQUEST + b"\x32\x04\x0a\x00\x01\x09\xff"), "ignored_no_lease"),
    ("RELEASE of the node's address", dhcp(b"\x35\x01\x07\xff", ciaddr=ACTUAL_1), "not_holder"),
    ("DECLINE of the node's address", dhcp(b"\x35\x01\x04\x32\x04\x0a\x00\x01\x05\xff"),
     "not_holder"),
    ("INFORM without an address", dhcp(b"\x35\x01\x08\xff"), "inform_no_address"),
]


def grown(before, after, but=()):
    return {name: after[name] - before.get(name, 0) for name in after
            if after[name] != before.get(name, 0) and name not in but}


def drops(gateway):
    return {row["name"]: row["packets"] for row in gateway.dump("mnat-dhcpd", "counters")
            if row["class"] == "drop"}


def leases(gateway):
    return sorted((row["mac"], row["actual"] or "", row["virtual"] or "", row["state"],
                   row["generation"]) for row in gateway.dump("mnat-dhcpd", "leases"))


@scenario("bad.dhcp")
def bad_dhcp(run):
    """Malformed and truncated messages to the real server: each counted, nothing changes."""
    net, gateway, node = running_node(run)
    held = leases(gateway), gateway.host(VIRTUAL)
    with net.r1.socket(socket.AF_INET, socket.SOCK_DGRAM) as relay:
        for what, message, counter in MESSAGES:
            before = drops(gateway)
            relay.sendto(message, (GATEWAY_INSIDE, 67))
            wait_until(lambda: drops(gateway) != before, 5, f"'{what}' to be counted")
            equal(grown(before, drops(gateway)), {counter: 1}, what)
        good = dhcp(REQUEST + b"\x37\x03\x01\x03\x06" + vivso(b"\x01\x04\x00\x00\x00\x00") + b"\xff")
        before = drops(gateway)
        for length in range(len(good)):
            relay.sendto(good[:length], (GATEWAY_INSIDE, 67))
        # cut behind the type it is a whole message, of a stranger
        wait_until(lambda: sum(grown(before, drops(gateway)).values()) == len(good), 5,
                   "every truncation to be counted")
        equal(set(grown(before, drops(gateway))),
              {"short", "option", "type", "ignored_no_lease"}, "causes of truncations")
        equal(grown(before, drops(gateway))["short"], 240, "messages shorter than a header")
    equal((leases(gateway), gateway.host(VIRTUAL)), held, "leases, and the manager's view")
    client = Udhcpc(net.plain, "eth0")
    check(client.wait_bound().startswith("10.0.1."), "another client is served")
    node.move(net, "ap2", "10.0.2.")


# ---- frames ----

def mac_of(netns, device):
    return bytes.fromhex(json.loads(netns.sh("ip", "-j", "link", "show", device))[0]["address"]
                         .replace(":", ""))


def ipv4(source, target, protocol, body, version=4, ihl=5, total=None, fragment=0, ttl=64):
    header = struct.pack("!BBHHHBBH4s4s", version << 4 | ihl, 0,
                         20 + len(body) if total is None else total, 7, fragment, ttl, protocol, 0,
                         socket.inet_aton(source), socket.inet_aton(target))
    return header[:10] + struct.pack("!H", 0xffff - ones_sum(header)) + header[12:] + body


TCP_SYN = struct.pack("!HHIIBBHHH", 4000, 80, 1, 0, 0x50, 2, 1000, 0, 0)
TCP_ACK = TCP_SYN[:13] + b"\x10" + TCP_SYN[14:]
UDP = struct.pack("!HHHH", 4000, 80, 8, 0)
ECHO = struct.pack("!BBHHH", 8, 0, 0xffff - 0x0800 - 1, 0, 1)


def impossible(source, target):
    """(what, packet, counter) of headers that no hook takes"""
    for protocol, body in ((6, TCP_SYN), (17, UDP), (1, ECHO)):
        whole = ipv4(source, target, protocol, body)
        for length in range(20):
            yield f"protocol {protocol}: {length} bytes", whole[:length], "short_packet"
    yield "version 6", ipv4(source, target, 17, UDP, version=6), "bad_header"
    yield "a header of 16 bytes", ipv4(source, target, 17, UDP, ihl=4), "bad_header"
    yield "a header beyond the packet", ipv4(source, target, 17, UDP, ihl=15), "short_packet"
    yield "a length below the header's", ipv4(source, target, 17, UDP, total=19), "short_packet"
    yield "a length beyond the frame", ipv4(source, target, 17, UDP, total=1400), "short_packet"
    yield ("TCP offset 4", ipv4(source, target, 6, TCP_SYN[:12] + b"\x40" + TCP_SYN[13:]),
           "bad_header")
    for protocol, body in ((6, TCP_SYN), (17, UDP)):
        for length in range(len(body)):
            yield (f"protocol {protocol} cut to {length}",
                   ipv4(source, target, protocol, body[:length]), "short_packet")


def untranslatable(source, target):
    """... and of what the gateway has no translation for"""
    for length in range(len(ECHO)):
        yield f"ICMP cut to {length}", ipv4(source, target, 1, ECHO[:length]), "short_packet"
    yield "half a header in a fragment", ipv4(source, target, 17, UDP[:4], fragment=0x2000), \
        "fragment_bad"
    yield "TCP's ports and no more", ipv4(source, target, 6, TCP_SYN[:8], fragment=0x2000), \
        "fragment_tiny"
    yield "a fragment beyond 65535", ipv4(source, target, 17, UDP, fragment=0x1fff), "fragment_bad"
    yield "a later fragment", ipv4(source, target, 17, UDP, fragment=9), "fragment_held"
    yield "AH", ipv4(source, target, 51, bytes(24)), "ah"
    yield "UDP-Lite", ipv4(source, target, 136, bytes(20)), "proto_unsupported"


class Wire:
    """Raw frames onto a device."""

    def __init__(self, netns, device, target_mac):
        self.socket = netns.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind((device, 0))
        self.head = target_mac + MAC

    def send(self, packet, ethertype=0x0800):
        self.socket.send(self.head + struct.pack("!H", ethertype) + packet)

    def check(self, what, rows, counters):
        """Send all; every one is counted as its row says and not otherwise."""
        expected = {}
        rows = list(rows)
        before = counters()
        for _, packet, counter in rows:
            self.send(packet)
            expected[counter] = expected.get(counter, 0) + 1

        def now():
            return {name: n for name, n in grown(before, counters()).items() if name in expected}
        try:
            wait_until(lambda: now() == expected, 3, "the counters")
        except Exception:
            for row in rows:  # one by one, to name the culprit
                before = counters()
                self.send(row[1])
                time.sleep(0.05)
                equal(now().get(row[2]), 1, f"{what}, {row[0]}: counted as {row[2]}")
            equal(now(), expected, what)


@scenario("bad.frames")
def bad_frames(run):
    """Malformed packets on the gateway's and the node's links: each counted, none answered."""
    net, gateway, node = running_node(run)
    stream, flow = TcpFlow(net.mn, net.cn), UdpFlow(net.mn, net.cn)
    wait_progress(net, 5001)
    sessions = gateway.sessions()
    leak = Capture(net.cn, "eth0", "ether[12:2] = 0x0800 and port 4000")
    inside = Wire(net.core, "gw", mac_of(net.gw, "in0"))
    outside = Wire(net.isp, "gw", mac_of(net.gw, "out0"))
    uplink = Wire(net.air, "mn", mac_of(net.mn, UPLINK))

    def gateway_counters():
        return gateway.counters("mnat-midcomd")

    inside.check("inside", impossible(ACTUAL_1, SERVER), gateway_counters)
    inside.check("inside", untranslatable(ACTUAL_1, SERVER), gateway_counters)
    inside.check("inside", [("no session", ipv4(ACTUAL_1, SERVER, 6, TCP_ACK), "no_session"),
                            ("a stranger's source", ipv4("192.0.2.1", SERVER, 17, UDP),
                             "no_host")], gateway_counters)
    before = gateway_counters()
    inside.send(struct.pack("!HH", 5, 0x0800) + ipv4(ACTUAL_1, SERVER, 17, UDP), 0x8100)
    wait_until(lambda: grown(before, gateway_counters()).get("vlan"), 3, "a tagged frame")
    outside.check("outside", impossible(SERVER, EXTERNAL), gateway_counters)
    outside.check("outside", untranslatable(SERVER, EXTERNAL), gateway_counters)
    outside.check("outside", [("to an inside address", ipv4(SERVER, ACTUAL_1, 17, UDP),
                               "inside_from_outside"),
                              ("to a port of nobody's", ipv4(SERVER, EXTERNAL, 17, UDP),
                               "no_binding")], gateway_counters)
    uplink.check("uplink", impossible(SERVER, ACTUAL_1), lambda: node.counters("mnatc"))
    arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 1, MAC, socket.inet_aton("10.0.1.1"),
                      bytes(6), socket.inet_aton(ACTUAL_1))
    before = node.counters("mnatc")
    for length in range(len(arp)):
        uplink.send(arp[:length], 0x0806)
    uplink.send(arp[:4] + b"\x08" + arp[5:], 0x0806)
    wait_until(lambda: grown(before, node.counters("mnatc")).get("arp_malformed") == len(arp) + 1,
               3, "every malformed ARP to be counted")
    equal(leak.stop(), [], "what reached the server")
    equal([s["external"] for s in gateway.sessions()], [s["external"] for s in sessions],
          "sessions")
    flow_whole(flow.stop())
    stream_whole(stream.stop())


# ---- answers to the node ----

def udp(source, target, sport, dport, payload):
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    return ipv4(source, target, 17, body)


def answer(question, kind, chaddr=None, xid=None, yiaddr="10.0.1.66", options=b"\x33\x04\x00\x00\x0e\x10"
           b"\x01\x04\xff\xff\xff\x00\x03\x04\x0a\x00\x01\x01\xff"):
    """An OFFER, ACK or NAK of 10.0.1.1 to a question."""
    chaddr = chaddr or bytes.fromhex(question.chaddr.replace(":", ""))
    message = (struct.pack("!BBBBIHH4x4s8x", 2, 1, 6, 0, question.xid if xid is None else xid, 0, 0,
                           socket.inet_aton(yiaddr)) + chaddr.ljust(16, b"\0") + bytes(192)
               + b"\x63\x82\x53\x63" + bytes([0x35, 1, kind]) + b"\x36\x04\x0a\x00\x01\x01")
    return udp("10.0.1.1", "255.255.255.255", 67, 68, message + options)


@scenario("bad.replies")
def bad_replies(run):
    """Answers that are not the node's, or malformed, move nothing; a good one then does."""
    net = Internet(run)  # no server anywhere: the node asks on
    capture = Capture(net.mn, UPLINK, "udp port 68")
    node = Node(net, UPLINK).up()
    wait_until(lambda: node.moves() and [e for e in node.moves()[-1]["events"]
                                         if e["what"] == "discover"], 5, "a DISCOVER")
    question = dhcp_messages(capture.stop())[0]
    equal(question.type, "discover", "what the node asks")
    capture = Capture(net.mn, UPLINK, "udp dst port 67")
    wire = Wire(net.air, "mn", bytes(6 * b"\xff"))
    offer, ack, nak = 2, 5, 6
    bad = [answer(question, offer, chaddr=MAC), answer(question, offer, xid=question.xid ^ 1),
           answer(question, ack), answer(question, nak), answer(question, 3),
           answer(question, offer, options=b"\x01\x03\xff\xff\xff\xff"),
           answer(question, offer, options=b"\x33\x04\x00"),
           answer(question, offer, options=b"\x33\x02\x0e\x10\x01\x04\xff\xff\xff\x00\xff")]
    whole = answer(question, offer)
    bad += [whole[:length] for length in range(len(whole))]
    bad += [whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:] for at in range(20)]
    for packet in bad:
        wire.send(packet)
        time.sleep(0.001)  # the node's socket holds a few dozen

    def requested():
        wire.send(answer(question, offer, yiaddr=ACTUAL_1))
        return [e for e in node.moves()[-1]["events"] if e["what"] == "request"]
    wait_until(requested, 5, "the good OFFER to be taken")
    node.daemons["mnatc"].stop()
    asked = [m for m in dhcp_messages(capture.stop()) if m.type == "request"]
    equal({(m.xid, m.address(50)) for m in asked}, {(question.xid, ACTUAL_1)},
          "what the node requests")


# ---- a full disk ----

class SmallDisk:
    """mnat-dhcpd with its database on a small file system that only it has."""

    SCRIPT = 'mount -t tmpfs -o size={size} tmpfs "$0" && exec "$@"'

    BOUND = """import sqlite3, sys
for row in sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True).execute(
        "SELECT address FROM leases WHERE state = 'bound'"):
    print(*row)
"""

    def __init__(self, gateway, size):
        self.place = gateway.run_dir / "disk"
        self.place.mkdir(exist_ok=True)
        conf = gateway.conf("mnat-dhcpd")
        conf.write_text(conf.read_text().replace(f"{gateway.run_dir}/dhcpd.sqlite",
                                                 f"{self.place}/dhcpd.sqlite"))
        self.program = Program(gateway.netns, "mnat-dhcpd", [
            "unshare", "--mount", "sh", "-c", self.SCRIPT.format(size=size), self.place,
            BIN / "mnat-dhcpd", "-c", conf])
        gateway.daemons["mnat-dhcpd"] = self.program

    @property
    def path(self):
        return f"/proc/{self.program.pid}/root{self.place}"

    def fill(self):
        with open(f"{self.path}/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(bytes(1024)):
                    pass
            except OSError:
                pass

    def stored(self):
        """addresses with a bound lease in the database"""
        return sh(["nsenter", f"--target={self.program.pid}", "--mount", sys.executable, "-c",
                   self.BOUND, f"{self.place}/dhcpd.sqlite"]).split()


@scenario("bad.disk")
def bad_disk(run):
    """No room for the lease: no ACK, a clear log; service goes on when there is room again."""
    net = Internet(run)
    gateway = Gateway(net)
    gateway.load()
    for daemon in ("mnat-midcomd", "mnat-mmd"):
        gateway.start_daemon(daemon)
    disk = SmallDisk(gateway, "512k")
    disk.program.wait_for(lambda: gateway.answers("mnat-dhcpd", disk.program.pid), "an answer")
    net.start_relays()
    disk.fill()
    capture = Capture(net.plain, "eth0", "udp port 67 or udp port 68")
    client = Udhcpc(net.plain, "eth0")
    wait_until(lambda: gateway.counters("mnat-dhcpd")["store_failed"] >= 2, 15,
               "two answers to be withheld")
    equal(disk.stored(), [], "leases in the database while it is full")
    # the first was on its way to the disk when the manager was told, so it knows; then no more
    other = Udhcpc(net.mn, "wl0")
    other.wait_for(lambda: other.log().count("broadcasting select") >= 2, "its second REQUEST")
    asked, = {line.split()[4].rstrip(",") for line in client.log().splitlines()
              if "broadcasting select" in line}
    equal([host["actual"] for host in gateway.dump("mnat-mmd", "hosts")], [asked],
          "hosts the manager was told of")
    other.kill9()
    types = [m.type for m in dhcp_messages(capture.stop())]
    check("offer" in types and "request" in types, f"the client asks: {types}")
    check("ack" not in types, f"no ACK without a commit: {types}")
    check(f"{disk.place}/dhcpd.sqlite: cannot be written: database or disk is full"
          in disk.program.log(), f"the log says why: {disk.program.log()}")
    os.unlink(f"{disk.path}/filler")
    client.kill9()
    client.start()
    address = client.wait_bound()
    equal((address, len(disk.stored())), (asked, 2), "leases in the database with room again")
    wait_until(lambda: gateway.dump("mnat-mmd", "hosts"), 5, "the manager to be told")
    equal(disk.program.stop(), 0, "exit status")


@scenario("bad.disk.start")
def bad_disk_start(run):
    """A disk that is full from the start: exit status 1 and one sentence."""
    net = Internet(run)
    disk = SmallDisk(Gateway(net, mobile=False), "4k")
    equal(disk.program.wait_exit(), 1, "exit status")
    equal(disk.program.log(),
          f"mnat-dhcpd: {disk.place}/dhcpd.sqlite: cannot be opened: database or disk is full\n",
          "the log")
