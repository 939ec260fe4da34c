"""The gateway as a NAT: what RFC 4787, 5382 and 5508 ask, with real sockets and programs."""
import errno
import json
import os
import socket
import struct

from mnatlab.capture import Capture
from mnatlab.checks import check, equal
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import Program, wait_until
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


@scenario("nat.pmtu")
def nat_pmtu(run):
    """A narrow hop on each side: the sender learns of it; what may be fragmented is."""
    net, gateway, node = running(run)
    mn, cn = udp_socket(net.mn), udp_socket(net.cn, SERVER, PORT)
    echo(mn, cn, 100)
    net.gw.ip("link set out0 mtu 1300")
    net.isp.ip("link set gw mtu 1300")
    data = os.urandom(1400)
    port = repeat(mn, cn, data, (SERVER, PORT))
    repeat(cn, mn, data, port)
    web = net.cn.socket(socket.AF_INET, socket.SOCK_STREAM)
    web.bind((SERVER, 8080))
    web.listen()
    client = net.mn.socket(socket.AF_INET, socket.SOCK_STREAM)
    for sock in (web, client):
        sock.settimeout(TIMEOUT)
    client.connect((SERVER, 8080))
    server = web.accept()[0]
    server.settimeout(TIMEOUT)
    data = os.urandom(200_000)
    for one, other in ((client, server), (server, client)):
        pump(one, other, data)
    counters = gateway.counters("mnat-midcomd")
    check(counters["too_big_told"] + counters["too_big_split"] > 0, "a packet was too big")


def repeat(sender, receiver, data, target):
    """Send until it arrives, whole, as what does not trust UDP does; where it came from."""
    receiver.settimeout(0.3)
    for _ in range(50):
        try:
            sender.sendto(data, target)
        except OSError as error:
            equal(error.errno, errno.EMSGSIZE, "the error of a socket that was told")
        try:
            got, source = receiver.recvfrom(65536)
            equal(got == data, True, "the datagram")
            return source
        except TimeoutError:
            pass
    return check(False, "nothing arrived")


def pump(one, other, data):
    """data from one to the other, without a thread: in pieces a socket buffers."""
    for at in range(0, len(data), 20_000):
        piece = data[at:at + 20_000]
        one.sendall(piece)
        got = b""
        while len(got) < len(piece):
            got += other.recv(len(piece) - len(got))
        equal(got == piece, True, f"bytes {at} on")


@scenario("nat.simultaneous")
def nat_simultaneous(run):
    """Two TCPs that connect to one another; the SYN that comes first waits, unanswered."""
    net, gateway, _ = running(run, ports="7088-7089")  # one port of each parity
    probe = udp_socket(net.cn, SERVER, PORT)
    local, remote = 1756, 5000
    reset = Capture(net.cn, "eth0", f"tcp port {remote} and tcp[tcpflags] & tcp-rst != 0")
    one = net.mn.socket(socket.AF_INET, socket.SOCK_STREAM)
    other = net.cn.socket(socket.AF_INET, socket.SOCK_STREAM)
    one.bind(("", local))
    other.bind((SERVER, remote))
    for sock in (one, other):
        sock.settimeout(TIMEOUT)
    other.setblocking(False)
    other.connect_ex((EXTERNAL, 7088))  # the port its own SYN will get
    wait_until(lambda: gateway.counters("mnat-midcomd")["syn_unsolicited"], 5, "the first SYN")
    one.connect((SERVER, remote))
    other.setblocking(True)
    other.settimeout(TIMEOUT)
    wait_until(lambda: other.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0
               and connected(other), 10, "the other end")
    pump(one, other, os.urandom(50_000))
    pump(other, one, os.urandom(50_000))
    equal(reset.stop(), [], "resets")
    equal([row["state"] for row in gateway.sessions(proto="tcp", port=local)], ["established"],
          "the session")
    probe.close()


def connected(sock):
    try:
        return sock.getpeername()
    except OSError:
        return None


@scenario("nat.unsolicited")
def nat_unsolicited(run):
    """An unsolicited SYN is refused by ICMP after six seconds, and not before."""
    net, gateway, _ = running(run)
    answers = Capture(net.cn, "eth0", "icmp or (tcp port 9999 and src host " + EXTERNAL + ")")
    sock = net.cn.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.settimeout(60)
    began = os.times().elapsed
    try:
        sock.connect((EXTERNAL, 9999))
        check(False, "nobody is there")
    except ConnectionRefusedError:
        pass
    check(os.times().elapsed - began >= 5, "refused at once")
    packets = answers.stop()
    check(packets and all(p.protocol == 1 for p in packets), f"ICMP and nothing else: {packets}")


FILTERING = {"endpoint-independent": "Endpoint Independent", "address": "Address Dependent",
             "address-port": "Address and Port Dependent"}


@scenario("nat.discovery")
def nat_discovery(run):
    """coturn's NAT discovery says what the gateway is, for each filtering it is given."""
    net = Internet(run)
    second = "128.59.16.150"
    net.cn.ip(f"addr add {second}/24 dev eth0")
    gateway = Gateway(net).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    Program(net.cn, "turnserver", [
        "turnserver", "-n", "-L", SERVER, "-L", second, "--no-auth", "--no-tls", "--no-dtls",
        "--log-file", "stdout", "--no-cli", "--pidfile", run.dir / "turn.pid",
        "--db", run.dir / "turn.db"])
    wait_until(lambda: net.cn.sh("ss", "-Hlun", "sport = :3478").strip(), 10, "the STUN server")
    conf = gateway.conf("mnat-midcomd")
    was = "endpoint-independent"
    for filtering, said in FILTERING.items():
        conf.write_text(conf.read_text().replace(f'filtering = "{was}"', f'filtering = "{filtering}"'))
        was = filtering
        gateway.daemons["mnat-midcomd"].stop()
        gateway.load("unload")
        gateway.load()
        gateway.start_daemon("mnat-midcomd")
        wait_until(lambda: gateway.dump("mnat-midcomd", "hosts"), 10, "the node at the gateway")
        out = net.mn.sh("turnutils_natdiscovery", "-m", "-f", "-p", "3478", SERVER)
        check("Endpoint Independent Mapping" in out, out)
        check(f"NAT with {said} Filtering" in out, out)


@scenario("nat.tools")
def nat_tools(run):
    """ping, traceroute and iperf3 from behind the gateway; ping finds each size."""
    net, _, _ = running(run)
    for size in (56, 1472, 8000):
        out = net.mn.sh("busybox", "ping", "-c", "3", "-s", str(size), SERVER)
        check("3 packets received, 0% packet loss" in out, out)
    out = net.mn.sh("busybox", "traceroute", "-n", "-q", "1", "-w", "2", SERVER)
    hops = [line.split()[1] for line in out.splitlines()[1:]]
    equal(hops[-1], SERVER, "the last hop")
    check("135.180.32.1" in hops, f"the router outside among {hops}")
    server = Program(net.cn, "iperf3", ["iperf3", "-s"])
    wait_until(lambda: net.cn.sh("ss", "-Hltn", "sport = :5201").strip(), 10, "iperf3")
    for options in ((), ("-R",), ("-u", "-b", "20M", "-l", "4000"),
                    ("-u", "-b", "20M", "-l", "4000", "-R")):
        result = json.loads(net.mn.sh("iperf3", "-c", SERVER, "-t", "1", "-J", *options))
        check(result["end"].get("sum_received", result["end"].get("sum"))["bytes"] > 100_000,
              f"bytes of iperf3 {' '.join(options)}")
    server.stop()
