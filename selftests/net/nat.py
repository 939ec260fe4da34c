"""The gateway as a NAT: what RFC 4787, 5382 and 5508 ask, with real sockets and programs."""
import os
import socket
import struct

from mnatlab.capture import Capture
from mnatlab.checks import equal
from mnatlab.mobilenat import Gateway, Node
from mnatlab.scenario import scenario
from mnatlab.topology import EXTERNAL, SERVER, UPLINK, VIRTUAL, Internet

TIMEOUT = 15
PORT = 7777


def running(run, **settings):
    net = Internet(run)
    gateway = Gateway(net, **settings).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    return net, gateway, node


def udp_socket(netns, *where):
    sock = netns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(TIMEOUT)
    sock.bind(where or ("", 0))
    return sock


def echo(node, server, size):
    """A datagram there and back, compared byte for byte; the address it came from."""
    data = os.urandom(size)
    node.sendto(data, (SERVER, PORT))
    got, source = server.recvfrom(65536)
    equal(got == data, True, f"{size} bytes at the server")
    server.sendto(data, source)
    equal(node.recv(65536) == data, True, f"{size} bytes at the node")
    return source


def ones_sum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total


def fragments(source, target, sport, dport, payload, size, ident):
    """A UDP datagram without checksum in IP packets of size bytes of payload."""
    body = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    for at in range(0, len(body), size):
        piece = body[at:at + size]
        more = 0x2000 if at + size < len(body) else 0
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(piece), ident, more | at // 8, 64,
                             17, 0, socket.inet_aton(source), socket.inet_aton(target))
        yield header[:10] + struct.pack("!H", 0xffff - ones_sum(header)) + header[12:] + piece


def send_reversed(netns, target, packets):
    """From a raw socket, the last fragment first."""
    raw = netns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    for packet in reversed(list(packets)):
        raw.sendto(packet, (target, 0))


@scenario("nat.fragments")
def nat_fragments(run):
    """Datagrams larger than links, both ways, in order and the last fragment first, over a move."""
    net, gateway, node = running(run)
    leak = Capture(net.gw, "out0", "net 10.0.0.0/8")
    mn, cn = udp_socket(net.mn), udp_socket(net.cn, SERVER, PORT)
    for size in (1473, 4000, 20000, 60000):
        source = echo(mn, cn, size)
    equal(source[0], EXTERNAL, "the source the server sees")
    payload = os.urandom(4000)
    send_reversed(net.cn, EXTERNAL, fragments(SERVER, EXTERNAL, PORT, source[1], payload, 1480, 77))
    equal(mn.recv(65536) == payload, True, "the last fragment first, to the node")
    port = mn.getsockname()[1]
    send_reversed(net.mn, SERVER, fragments(VIRTUAL, SERVER, port, PORT, payload, 1480, 78))
    got, again = cn.recvfrom(65536)
    equal((got == payload, again), (True, source), "the last fragment first, to the server")
    node.move(net, "ap2", "10.0.2.")
    equal(echo(mn, cn, 20000), source, "the source after a move")
    equal(leak.stop(), [], "inside addresses on the outside")
    counters = gateway.counters("mnat-midcomd")
    equal([counters[name] for name in ("fragment_again", "fragment_released")], [2, 4],
          "first fragments sent round, and with them later ones")
