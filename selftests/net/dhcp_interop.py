"""The DHCP server and other people's clients and relays."""
import signal
import socket
import subprocess

from mnatlab import LabError
from mnatlab.capture import Capture, dhcp_messages, read
from mnatlab.checks import check, equal
from mnatlab.mobilenat import BIN, Box
from mnatlab.netns import sh, veth
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Dhclient, Dhcpcd, Networkd, Relay, Udhcpc, address
from mnatlab.topology import GATEWAY_INSIDE, Internet

from bad_input import dhcp

CONF = """
interfaces = {{"in0"}}
server-id = "10.0.0.1"
lease-time = {lease_time}
rapid-commit = true
relays = {{"10.0.1.1", "10.0.2.1", "10.0.0.2", "10.0.0.3"}}
dns = {{"10.0.0.1", "10.0.0.2"}}
ntp = "10.0.0.3"
domain = "example.org"
domain-search = {{"a.example.org", "b.example.org", "example.org"}}
option = {{"209 string {long_1}", "210 string {long_2}"}}
host "printer" {{
	mac = "02:00:00:00:00:09"
	address = "10.0.1.200"
	hostname = "printer"
}}
subnet "10.0.1.0/24" {{
	pool = "10.0.1.5-10.0.1.50"
	router = "10.0.1.1"
	routes = {{"0.0.0.0/0 10.0.1.1", "10.9.128.0/17 10.0.1.1"}}
	mtu = 1400
}}
subnet "10.0.2.0/24" {{ pool = "10.0.2.6-10.0.2.50" }}
subnet "10.0.0.0/24" {{ }}
run-dir = "{run_dir}"
database = "{run_dir}/dhcpd.sqlite"
manager-socket = ""
"""
LONG_1, LONG_2 = "m" * 180, "n" * 110  # together more than a client of 576 bytes takes


class Server(Box):
    """mnat-dhcpd alone, behind r1 and r2."""

    def __init__(self, net, lease_time=3600):
        super().__init__(net.gw, "dhcp")
        self.conf = self.configure("dhcpd", CONF, lease_time=lease_time, long_1=LONG_1,
                                   long_2=LONG_2)
        self.program = self.start("mnat-dhcpd", "-c", self.conf)

    def edit(self, old, new):
        text = self.conf.read_text()
        check(old in text, f"{old} is in the configuration")
        self.conf.write_text(text.replace(old, new))

    def diff(self):
        """(exit status, lines) of mnat-dhcpd -d"""
        done = subprocess.run(self.netns.argv([BIN / "mnat-dhcpd", "-d", "-c", self.conf]),
                              capture_output=True, text=True, check=False)
        return done.returncode, done.stdout.splitlines()


def tshark(path, display_filter, *fields):
    """A line a packet that the filter lets through."""
    done = subprocess.run(["tshark", "-r", str(path), "-Y", display_filter, "-T", "fields",
                           *(word for field in fields for word in ("-e", field))],
                          capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def decoded_whole(capture):
    """The messages of a capture, none of which tshark finds fault with."""
    messages = dhcp_messages(capture.stop())
    check(messages, "there are messages")
    equal(len(tshark(capture.path, "dhcp", "frame.number")), len(messages),
          "messages that tshark takes for DHCP")
    equal(tshark(capture.path, "dhcp and (_ws.malformed or _ws.expert.severity == error)",
                 "frame.number", "_ws.expert.message"), [], "faults that tshark finds")
    return messages


def acks(capture, mac):
    return [m for m in dhcp_messages(read(capture.path)) if m.type == "ack" and m.chaddr == mac]


def host(net, name, mac):
    """A host on the first access point."""
    space = net.run.add(name)
    veth(space, "eth0", net.air, name)
    net.air.ip(f"link set {name} master ap1")
    space.ip(f"link set eth0 address {mac}")
    return space


CLIENTS = {
    "udhcpc": ("02:00:00:00:00:01", Udhcpc),
    "dhclient": ("02:00:00:00:00:02", Dhclient),
    "dhcpcd": ("02:00:00:00:00:03", Dhcpcd),
    "networkd": ("02:00:00:00:00:04", Networkd),
}


@scenario("dhcp.clients")
def clients(run):
    """Four independent clients get an address, what they ask for, and renew it."""
    net = Internet(run)
    Server(net, lease_time=20)
    net.start_relays()
    near = Capture(net.r1, "lan", "udp port 67 or udp port 68", whole=True)
    far = Capture(net.gw, "in0", "udp port 67", whole=True)
    spaces = {name: host(net, name, mac) for name, (mac, _) in CLIENTS.items()}
    programs = {name: start(spaces[name], "eth0") for name, (_, start) in CLIENTS.items()}
    for name, program in programs.items():
        mac = CLIENTS[name][0]
        program.wait_for(lambda: address(spaces[name], "eth0", "10.0.1."), "an address", 30)
        program.wait_for(lambda: len(acks(near, mac)) > 1, "a renewal", 60)
    messages = decoded_whole(near)
    decoded_whole(far)
    for name, (mac, _) in CLIENTS.items():
        own = [m for m in messages if m.chaddr == mac]
        first = next(m for m in own if m.type == "ack")
        asked = next(m for m in own if m.type == "request")
        wanted = asked.options.get(55, b"")
        equal(first.address(54), GATEWAY_INSIDE, f"{name}: server")
        equal(first.options.get(61), asked.options.get(61), f"{name}: client identifier")
        for code, value in ((3, b"\x0a\0\1\1"), (6, b"\x0a\0\0\1\x0a\0\0\2"), (15, b"example.org"),
                            (26, b"\5\x78"), (42, b"\x0a\0\0\3"),
                            (121, b"\0\x0a\0\1\1\x11\x0a\x09\x80\x0a\0\1\1")):
            equal(first.options.get(code), value if code in wanted else None,
                  f"{name}: option {code}")
        renewal = [m for m in own if m.type == "request"][-1]
        equal(renewal.ciaddr, first.yiaddr, f"{name}: renews its address")
    taken = [address(space, "eth0") for space in spaces.values()]
    equal(len(set(taken)), len(taken), f"addresses given: {taken}")


@scenario("dhcp.overload")
def overload(run):
    """More options than 576 bytes hold: dhclient finds them in file and sname."""
    net = Internet(run)
    Server(net)
    net.start_relays()
    near = Capture(net.plain, "eth0", "udp port 67 or udp port 68", whole=True)
    client = Dhclient(net.plain, "eth0", """initial-interval 1;
option conf-file code 209 = text;
option path-prefix code 210 = text;
request subnet-mask, routers, domain-name-servers, domain-search, conf-file, path-prefix;
""")
    client.wait_bound("10.0.1.")  # the script runs first, then the lease is written
    client.wait_for(lambda: client.leases.exists() and "expire" in client.leases.read_text(),
                    "a lease on disk")
    leases = client.leases.read_text()
    for name, value in (("conf-file", LONG_1), ("path-prefix", LONG_2)):
        check(f'option {name} "{value}";' in leases, f"{name} in {leases}")
    check('"a.example.org.", "b.example.org.", "example.org."' in leases, f"search in {leases}")
    answers = [m for m in decoded_whole(near) if m.type in ("offer", "ack")]
    equal([m.options.get(52) for m in answers], [b"\1"] * len(answers), "option 52")


@scenario("dhcp.rapid_commit")
def rapid_commit(run):
    """dhcpcd gets its lease by two messages."""
    net = Internet(run)
    Server(net)
    net.start_relays()
    near = Capture(net.plain, "eth0", "udp port 67 or udp port 68", whole=True)
    client = Dhcpcd(net.plain, "eth0", "option rapid_commit\n")
    client.wait_for(lambda: address(net.plain, "eth0", "10.0.1."), "an address", 20)
    equal([m.type for m in decoded_whole(near)], ["discover", "ack"], "messages")


def through(run, *arguments):
    """A client's messages at the server, its relay having these options"""
    net = Internet(run)
    server = Server(net)
    Relay(net.r1, GATEWAY_INSIDE, *arguments)
    near = Capture(net.plain, "eth0", "udp port 67 or udp port 68", whole=True)
    far = Capture(net.gw, "in0", "udp port 67", whole=True)
    net.plain.ip("link set eth0 address 02:00:00:00:00:09")
    equal(Udhcpc(net.plain, "eth0").wait_bound(), "10.0.1.200", "the address kept for it")
    equal([m.type for m in decoded_whole(near)], ["discover", "offer", "request", "ack"],
          "messages at the client")
    return server, decoded_whole(far)


@scenario("dhcp.relay.circuit")
def relay_circuit(run):
    """Debian's relay adds option 82: it comes back byte for byte, and is the place."""
    server, messages = through(run, "-a")
    asked = next(m for m in messages if m.type == "discover").options[82]
    check(b"lan" in asked, f"the circuit is the interface: {asked}")
    equal({m.options.get(82) for m in messages}, {asked}, "option 82")
    equal([row["circuit"] for row in server.dump("mnat-dhcpd", "leases")], ["lan"], "place")


@scenario("dhcp.relay.link_selection")
def relay_link_selection(run):
    """Debian's relay speaks from the core network and says which link is meant."""
    _, messages = through(run, "-a", "-U", "core")
    asked = next(m for m in messages if m.type == "discover")
    equal(asked.giaddr, "10.0.0.2", "the relay's address is not of the client's subnet")
    check(b"\x05\x04\x0a\x00\x01" in asked.options[82], f"sub-option 5: {asked.options[82]}")


@scenario("dhcp.relay.refused")
def relay_refused(run):
    """A relay that is not in the list gets no answer, and is counted."""
    net = Internet(run)
    server = Server(net)
    net.r1.ip("addr del 10.0.1.1/24 dev lan", "addr add 10.0.1.3/24 dev lan")
    Relay(net.r1, GATEWAY_INSIDE)
    Udhcpc(net.plain, "eth0")
    wait_until(lambda: server.counters("mnat-dhcpd")["relay_refused"] > 1, 20, "refusals")
    equal(server.dump("mnat-dhcpd", "leases"), [], "leases")


BURST = 200


@scenario("dhcp.reload")
def reload(run):
    """Another configuration, by mnatctl and SIGHUP: no lease and no message is lost."""
    net = Internet(run)
    server = Server(net)
    net.start_relays()
    Udhcpc(net.plain, "eth0").wait_bound()
    leases = server.dump("mnat-dhcpd", "leases")
    equal(server.diff(), (0, []), "differences from its own file")

    server.edit("lease-time = 3600", "lease-time = 1800")
    server.edit("mtu = 1400", "mtu = 1300")
    equal(server.diff(), (1, ["+ lease-time = 1800", "- lease-time = 3600",
                              '+ subnet "10.0.1.0/24" mtu = 1300',
                              '- subnet "10.0.1.0/24" mtu = 1400']), "differences")
    equal(server.ctl("reload")["code"], 0, "mnatctl reload")
    equal(server.diff(), (0, []), "differences after it")
    equal([row["actual"] for row in server.dump("mnat-dhcpd", "leases")],
          [row["actual"] for row in leases], "leases")

    # messages that wait while it reloads are answered after it
    relay = net.r1.socket(socket.AF_INET, socket.SOCK_DGRAM)
    before = server.counters("mnat-dhcpd")["in_discover"]
    for n in range(BURST):
        relay.sendto(dhcp(), (GATEWAY_INSIDE, 67))
        if n % 20 == 10:
            server.program.signal(signal.SIGHUP)
    wait_until(lambda: server.counters("mnat-dhcpd")["in_discover"] >= before + BURST, 20,
               "every message of the burst")
    equal(server.counters("mnat-dhcpd")["in_discover"], before + BURST, "messages")

    server.edit("mtu = 1300", "mtu = 13")
    try:
        server.ctl("reload")
        check(False, "a wrong configuration is refused")
    except LabError as error:
        check("stays as it was" in str(error), f"what mnatctl says: {error}")
    check(f"{server.conf}:" in server.program.log() and "mtu = 13: expected" in
          server.program.log(), "file, line and what was expected are in the log")
    equal([row["actual"] for row in server.dump("mnat-dhcpd", "leases") if row["state"] == "bound"],
          [row["actual"] for row in leases], "leases are as before")
    server.edit("mtu = 13", "mtu = 1300")
    server.program.stop()
    equal(server.diff()[0], 2, "nobody to ask")


@scenario("dhcp.pool.warning")
def pool_warning(run):
    """A pool that is getting full is in the log, and then a problem in the status."""
    net = Internet(run)
    server = Server(net)
    server.edit("10.0.1.5-10.0.1.50", "10.0.1.5-10.0.1.14")
    server.ctl("reload")
    relay = net.r1.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for n in range(8):
        relay.sendto(dhcp(b"\x35\x01\x01\x3d\x02x" + bytes([n, 255])), (GATEWAY_INSIDE, 67))
    server.program.wait_text("pool 10.0.1.0/24 is 80 % full: 8 of 10 addresses")
    for n in range(8, 10):
        relay.sendto(dhcp(b"\x35\x01\x01\x3d\x02x" + bytes([n, 255])), (GATEWAY_INSIDE, 67))
    server.program.wait_text("pool 10.0.1.0/24 is 100 % full: 10 of 10 addresses")
    status = sh(["sh", "-c", f"{BIN / 'mnatctl'} -r {server.run_dir} status; true"])
    check("pool 10.0.1.0/24 is 100 % full: enlarge it" in status, f"status: {status}")
