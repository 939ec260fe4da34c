"""TCP after an outage longer than its timers: woken by RFC 6069, not by the timer."""
import re
import struct
import time

from mnatlab.capture import ICMP, TCP, Capture
from mnatlab.checks import check, equal, stream_whole
from mnatlab.flows import TcpFlow
from mnatlab.scenario import scenario
from mnatlab.topology import EXTERNAL, SERVER, VIRTUAL, boottime

from move import running_node, wait_progress

UP, DOWN = 5001, 5002  # an upload, and a download
SLOW = 1  # byte a second: the other way
PLACES = (("ap2", "10.0.2."), ("ap1", "10.0.1."))
# s -> doublings; each ends where the next run of a timer from 200 ms is far away (1.4, 3.0, 6.2 s)
OUTAGES = {2.0: 3, 4.5: 4}


def timer_due(netns, end, port):
    """When the connection's retransmission timer runs out, in boottime seconds."""
    out = netns.sh("ss", "-Htino", "state", "established", f"{end} = :{port}")
    left = re.search(r"timer:\(on,(?:(\d+)(?:\.|sec))?(?:(\d+)ms)?,", out)
    check(left, f"a running retransmission timer: {out}")
    return boottime() + int(left[1] or 0) + int(left[2] or 0) / 1000


def numbers(packet):
    """(sequence number, acknowledged)"""
    return struct.unpack_from("!II", packet.raw, (packet.raw[0] & 15) * 4 + 4)


def wall_offset():
    """Captures have the wall clock; s. The largest of some: others were interrupted in between."""
    return max(time.time() - boottime() for _ in range(50))


class Outage:
    """A move that takes its time, and what TCP sent after it."""

    def __init__(self, net, node, place, seconds):
        captures = {"node": Capture(net.mn, "wl0", "tcp or icmp"),
                    "server": Capture(net.cn, "eth0", "tcp or icmp")}
        began = boottime()
        net.air.ip("link set mn down", "link set mn nomaster", f"link set mn master {place[0]}")
        time.sleep(max(0.0, began + seconds - boottime()))
        due = {"node": timer_due(net.mn, "dport", UP), "server": timer_due(net.cn, "sport", DOWN)}
        net.air.ip("link set mn up")
        node.wait_address(place[1])
        wait_progress(net, UP)
        self.events = {e["what"]: e["at_us"] / 1e6 for e in node.moves()[-1]["events"]}
        self.flip = self.events["shim-set"]
        self.left = {end: at - self.flip for end, at in due.items()}  # s, of the timers
        self.packets = {end: capture.stop() for end, capture in captures.items()}

    def first(self, end, port, address):
        """(s after the flip, sequence number, acknowledged) of a connection's first segment from
        an address by then, as it is seen at an end"""
        offset = wall_offset()
        return next((p.time - offset - self.flip, *numbers(p)) for p in self.packets[end]
                    if p.protocol == TCP and port in (p.sport, p.dport)
                    and p.source.startswith(address) and p.time - offset >= self.flip)

    def errors(self):
        """(quoted source, target, sequence number) of those about the download the server gets"""
        quoted = [p.raw[28:] for p in self.packets["server"] if p.protocol == ICMP]
        return [(".".join(map(str, q[12:16])), ".".join(map(str, q[16:20])),
                 struct.unpack_from("!I", q, 24)[0])
                for q in quoted if struct.unpack_from("!H", q, 20)[0] == DOWN]


@scenario("move.wake")
def wake(run):
    """After outages of 2 and 4.5 s both ends retransmit at once, seconds before their timers."""
    net, _, node = running_node(run)
    streams = (TcpFlow(net.mn, net.cn, UP, down=SLOW),
               TcpFlow(net.mn, net.cn, DOWN, rate=SLOW, down=2_000_000))
    wait_progress(net, UP, 50_000)
    for n, (seconds, doublings) in enumerate(OUTAGES.items()):
        place = PLACES[n % 2]
        outage = Outage(net, node, place, seconds)
        check("tcp-woken" in outage.events, f"the timeline says so: {outage.events}")
        for end, port, address in (("node", UP, place[1]), ("server", DOWN, SERVER)):
            after, seq, _ = outage.first(end, port, address)
            check(outage.left[end] > 0.5, f"{end}: its timer would run {outage.left[end]:.3f} s")
            check(after < 0.1, f"{end}: retransmits {after * 1000:.1f} ms after the flip")
        errors = outage.errors()
        # the latter, if the node acknowledged something just as it lost the link
        check(errors[0][2] in (seq, outage.first("server", DOWN, EXTERNAL)[2]),
              f"quoting what the server then sends, or the node waits for: {errors[0][2]}")
        equal(errors, [(SERVER, EXTERNAL, errors[0][2])] * doublings,
              "errors at the server")
        check(not any(p.names(VIRTUAL) for p in outage.packets["node"]),
              "the virtual address stays inside")
    for stream in streams:
        stream_whole(stream.stop(60))


@scenario("move.wake.quick")
def quick(run):
    """After a quick move nobody is told anything: the link carries not one byte more."""
    net, _, node = running_node(run)
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, UP, 50_000)
    capture = Capture(net.mn, "wl0", "icmp")
    for access_point, prefix in PLACES:
        node.move(net, access_point, prefix)
        wait_progress(net, UP)
    stream_whole(stream.stop())
    equal(capture.stop(), [], "ICMP on the uplink")
