"""External ports: who had which, who may have how many, and what happens when there are none."""
import hashlib
import socket
import time

from mnatlab import BUILD, LabError, control
from mnatlab.checks import at_most, check, equal
from mnatlab.flows import Download
from mnatlab.mobilenat import BIN, Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Nginx
from mnatlab.topology import ACTUAL_1, EXTERNAL, SERVER, UPLINK, VIRTUAL, Internet

PORT = 5353
SHORT = "timeouts {\n\tudp = 2\n}"


class Server:
    """Notes where datagrams come from."""

    def __init__(self, net):
        self.socket = net.cn.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((SERVER, PORT))
        self.socket.settimeout(0.5)

    def source_of(self, text):
        """(address, port) of the datagram that says so, None if it does not come."""
        try:
            while True:
                said, source = self.socket.recvfrom(64)
                if said == text:
                    return source
        except TimeoutError:
            return None


class Talker:
    """A UDP socket inside."""

    def __init__(self, netns, server, address="0.0.0.0"):
        self.server = server
        self.socket = netns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 0))
        self.said = 0

    def say(self):
        """Where the server has it from."""
        self.said += 1
        text = b"%d %d" % (id(self), self.said)
        self.socket.sendto(text, (SERVER, PORT))
        return self.server.source_of(text)


def next_second():
    """Whole seconds are what is logged: what is done now differs from what was before."""
    now = int(time.time())
    wait_until(lambda: time.time() >= now + 2, 5, "the next second")
    return int(time.time())


def status(gateway):
    return control.status(gateway.socket("mnat-midcomd"))


def holders(gateway, source, at=None):
    rows = gateway.ctl("whohad", f"{source[0]}:{source[1]}", *([str(at)] if at else []))
    return [(row["virtual"], row["actual"], row["by"]) for row in rows]


def add_hosts(net, first, n):
    """Addresses of plain hosts on the plain machine's link."""
    addresses = [f"10.0.1.{first + i}" for i in range(n)]
    net.plain.ip(*(f"addr add {address}/24 dev eth0" for address in addresses))
    return addresses


def expire(gateway):
    """Until no session is left."""
    def swept():
        gateway.ctl("sweep")
        return not gateway.dump("mnat-midcomd", "sessions")
    wait_until(swept, 20, "all sessions to expire")


@scenario("ports.whohad")
def whohad(run):
    """Who had an external port, and where it was: across a move, after release, after kill -9."""
    net = Internet(run)
    gateway = Gateway(net, more=SHORT).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    server = Server(net)
    talker = Talker(net.mn, server)
    source = talker.say()
    equal(source[0], EXTERNAL, "the external address")
    began = next_second()
    equal(holders(gateway, source, began - 60), [], "a minute before")
    equal(holders(gateway, source), [(VIRTUAL, ACTUAL_1, "log")], "now")
    next_second()
    node.move(net, "ap2", "10.0.2.")
    equal(talker.say(), source, "the external endpoint after the move")
    moved = next_second()
    actual = node.shim()["actual"]
    equal(holders(gateway, source, began), [(VIRTUAL, ACTUAL_1, "log")], "before the move")
    equal(holders(gateway, source, moved), [(VIRTUAL, actual, "log")], "after it")
    expire(gateway)
    ended = next_second()
    equal(holders(gateway, source, ended), [], "after the port was released")
    equal(holders(gateway, source, moved), [(VIRTUAL, actual, "log")], "what was before stays")
    source = talker.say()
    again = next_second()
    equal(holders(gateway, source), [(VIRTUAL, actual, "log")], "taken again")
    gateway.daemons["mnat-midcomd"].kill9()
    unseen = Talker(net.mn, server).say()
    gateway.start_daemon("mnat-midcomd")
    equal(holders(gateway, source, again), [(VIRTUAL, actual, "log")], "before it was killed")
    equal(holders(gateway, unseen), [(VIRTUAL, actual, "log")], "while it was not there")
    equal(status(gateway)["log"]["lost_events"], 0, "lost events")


@scenario("ports.greedy")
def greedy(run):
    """10,000 sessions of one host meet its own quotas; another's download and calls do not."""
    net = Internet(run)
    gateway = Gateway(net, limits="ports-per-host = 512\n\tsessions-per-host = 2000").up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    web = Nginx(net.cn, rate=1_000_000)
    web.publish("file", 4_000_000)
    server = Server(net)
    host, = add_hosts(net, 200, 1)
    net.plain.ip("route add default via 10.0.1.1")
    download = Download(net.mn, f"http://{SERVER}/file")
    wait_until(lambda: gateway.sessions(identity=VIRTUAL), 10, "the download's session")
    spray = (BUILD / "test" / "udpspray", "-a", host, "-n", 10_000)
    net.plain.sh(*spray, "-p", 2_000, SERVER, timeout=120)
    net.plain.sh(*spray, "-p", 100, SERVER, timeout=120)
    counters = gateway.counters("mnat-midcomd")
    check(counters["ports_quota"] > 0, "refused for too many ports")
    check(counters["sessions_quota"] > 0, "refused for too many sessions")
    equal(counters["ports_exhausted"] + counters["sessions_full"], 0, "refused for all")
    row = next(row for row in gateway.dump("mnat-midcomd", "hosts") if row["actual"] == host)
    at_most(row["ports"], 512, "the greedy host's ports")
    at_most(row["sessions"], 2000, "the greedy host's sessions")
    check(row["packets_out"] > 0 and row["bytes_out"] > 28 * row["packets_out"], "its traffic")
    for _ in range(20):
        check(Talker(net.mn, server).say(), "the other host's new sessions")
    equal(download.wait(60), 0, "curl's exit status")
    equal(download.sha.hexdigest(), hashlib.sha256((web.www / "file").read_bytes()).hexdigest(),
          "sha256")
    top = gateway.ctl("top", "--by", "sessions")
    equal(top[0]["actual"], host, "the host with most sessions")
    equal(top[1]["virtual"], VIRTUAL, "the next")
    rates = gateway.ctl("top")
    check(all(row["bits_out_s"] is not None for row in rates), "rates are measured")


@scenario("ports.exhausted")
def exhausted(run):
    """95 of 100 port blocks in use: all goes on; 100: a counted refusal; then it recovers."""
    net = Internet(run)
    gateway = Gateway(net, ports="8000-8399", outside="port-block = 4\n\thold-down = 2",
                      more=SHORT, mobile=False, sweep=3600)
    gateway.load()
    gateway.start_daemon("mnat-midcomd")
    server = Server(net)
    hosts = add_hosts(net, 101, 101)
    net.plain.ip("route add default via 10.0.1.1")
    talkers = [Talker(net.plain, server, host) for host in hosts]
    sources = [talker.say() for talker in talkers[:95]]
    check(all(sources), "the first 95 hosts")
    equal(len({(port - 8000) // 4 for _, port in sources}), 95, "blocks")
    check(any("95 of 100 port blocks" in problem for problem in status(gateway)["problems"]),
          "the warning before it is full")
    check(all(talker.say() for talker in talkers[95:100]), "the last five")
    equal(talkers[100].say(), None, "one more")
    equal(gateway.counters("mnat-midcomd")["ports_exhausted"], 1, "refusals")
    equal([talker.say() for talker in talkers[:95]], sources, "nobody has lost a port")
    expire(gateway)
    wait_until(talkers[100].say, 10, "recovery, after the hold-down")


@scenario("ports.ranges")
def ranges(run):
    """The seed's ports on one address, others on another: given out, told, forwarded, kept."""
    net = Internet(run)
    other = "135.180.32.9"
    net.gw.ip(f"addr add {other}/24 dev out0")
    pools = {EXTERNAL: range(8000, 8128), other: range(20010, 20394)}
    addresses = ", ".join(f'"{addr}:{ports[0]}-{ports[-1]}"' for addr, ports in pools.items())
    gateway = Gateway(net, external=addresses, mobile=False, more=f"""
forward "echo" {{
	protocol = "udp"
	address = "{other}"
	port = 20393
	host = "10.0.1.101"
	host-port = 7777
}}""")
    gateway.load()
    gateway.start_daemon("mnat-midcomd")
    server = Server(net)
    hosts = add_hosts(net, 101, 8)
    net.plain.ip("route add default via 10.0.1.1")
    sources = {host: Talker(net.plain, server, host).say() for host in hosts}
    for host, (addr, port) in sources.items():
        check(port in pools[addr], f"{host} at {addr}:{port}")
        holder, = gateway.ctl("whohad", f"{addr}:{port}")
        equal((holder["actual"], holder["by"]), (host, "log"), f"who has {addr}:{port}")
    equal(sum(addr == EXTERNAL for addr, _ in sources.values()), 2, "hosts on 2 of 9 blocks")
    inside = net.plain.socket(socket.AF_INET, socket.SOCK_DGRAM)
    inside.bind(("10.0.1.101", 7777))
    inside.settimeout(2)
    server.socket.sendto(b"hello", (other, 20393))
    equal(inside.recvfrom(64), (b"hello", (SERVER, PORT)), "what was sent to the forwarded port")
    conf = gateway.conf("mnat-midcomd")
    text = conf.read_text()
    for old, new in (("8000-8127", "8064-8191"), ("20010", "20011")):
        conf.write_text(text.replace(old, new))
        try:
            gateway.load()
            check(False, "other ports under running sessions are refused")
        except LabError as error:
            check("sessions go by other prefixes, external addresses, ports" in str(error), error)
    conf.write_text(text)
    gateway.load()
    talker = Talker(net.plain, server, hosts[0])
    check(talker.say()[1] in pools[sources[hosts[0]][0]], "all goes on")


@scenario("ports.ephemeral")
def ephemeral(run):
    """mnat-load warns of external ports that the gateway's own connections might take."""
    net = Internet(run)
    gateway = Gateway(net, ports="30000-40000", mobile=False)

    def warnings():
        return [line for line in gateway.netns.sh(
            "sh", "-c", 'exec "$@" 2>&1', "sh", BIN / "mnat-load", "gateway", "load", "-c",
            gateway.conf("mnat-midcomd")).splitlines() if "this machine's own" in line]

    gateway.load()
    said, = warnings()
    check(f"port 32768 of {EXTERNAL} may be given" in said
          and "ip_local_reserved_ports=30000-40000" in said, said)
    for ports, expected in (("30000-39999", "port 40000"), ("22,30000-40000,50000", None)):
        net.gw.sh("sysctl", "-qw", f"net.ipv4.ip_local_reserved_ports={ports}")
        said = warnings()
        equal(len(said), 1 if expected else 0, f"warnings with {ports} reserved: {said}")
        check(not expected or expected in said[0], said)
    net.gw.sh("sysctl", "-qw", "net.ipv4.ip_local_reserved_ports=")
    net.gw.ip(f"addr del {EXTERNAL}/24 dev out0")
    equal(warnings(), [], "warnings with an address that the machine has not itself")
