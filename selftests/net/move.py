"""Moves and what must survive them."""
import json
import socket

from mnatlab.capture import Capture
from mnatlab.checks import check, equal, stream_whole
from mnatlab.flows import Download, TcpFlow, connections
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Dhclient, Nginx, masquerade
from mnatlab.topology import ACTUAL_1, EXTERNAL, GATEWAY_INSIDE, SERVER, UPLINK, VIRTUAL, Internet

MOVES = 100


def running_node(run, domain="routed"):
    """(net, gateway, node), the node on subnet 1 and able to send"""
    net = Internet(run, domain)
    gateway = Gateway(net).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    return net, gateway, node


def received_by_server(net, port):
    """Bytes the server's kernel has received on its one connection."""
    out = net.cn.sh("ss", "-Htin", "state", "established", f"sport = :{port}")
    return next((int(word.split(":")[1]) for word in out.split()
                 if word.startswith("bytes_received:")), 0)


def wait_progress(net, port, amount=1):
    """Until the server has received more than it has now."""
    start = received_by_server(net, port)
    wait_until(lambda: received_by_server(net, port) >= start + amount, 15,
               "the stream to go on")


def mnat0_is_up(net):
    state = net.mn.sh("ip", "addr", "show", "mnat0")
    return f"inet {VIRTUAL}/" in state and ",UP" in state


@scenario("move.bytes")
def move_bytes(run):
    """A byte stream each way across 100 moves arrives whole from one 4-tuple."""
    net, _, node = running_node(run)
    stream = TcpFlow(net.mn, net.cn, rate=1_000_000)
    wait_progress(net, 5001, 50_000)
    peers = set(connections(net.cn, 5001))
    for n in range(MOVES):
        access_point, prefix = (("ap2", "10.0.2."), ("ap1", "10.0.1."))[n % 2]
        node.move(net, access_point, prefix)
        wait_progress(net, 5001)
        peers |= set(connections(net.cn, 5001))
    results = stream.stop(60)
    stream_whole(results)
    equal(len(peers), 1, f"peers the server saw: {sorted(peers)}")
    check(peers.pop().startswith(f"{EXTERNAL}:"), "the server sees the external address")
    equal(results["node"]["local"].split(":")[0], VIRTUAL, "the node's own address")


@scenario("negative.control")
def negative_control(run):
    """The same move with the kernel's NAT and a stock DHCP client kills the download."""
    net = Internet(run)
    Gateway(net, mobile=False).start_daemon("mnat-dhcpd")
    net.start_relays()
    masquerade(net.gw, "out0")
    web = Nginx(net.cn, rate=1_000_000)
    web.publish("file", 60_000_000)
    client = Dhclient(net.mn, UPLINK)
    client.wait_bound("10.0.1.")
    download = Download(net.mn, f"http://{SERVER}/file", "--speed-limit", "1", "--speed-time", "5")
    wait_until(lambda: download.bytes > 500_000, 10, "the download to run")
    net.move("ap2")
    client.stop()
    client.start()
    client.wait_bound("10.0.2.")
    equal(net.mn.sh("curl", "-s", "-m", "5", "-r", "0-3", "-o", "/dev/null", "-w", "%{http_code}",
                    f"http://{SERVER}/file"), "206", "a new connection after the move")
    check(download.wait(20) != 0, "without MobileNAT the download should have died")
    check(download.bytes < 60_000_000, "without MobileNAT the download should not be whole")


@scenario("carrier.flap")
def carrier_flap(run):
    """Carrier goes and comes: the stack sees nothing, the addresses stay, data flows on."""
    net, gateway, node = running_node(run)
    before = node.shim()
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    for _ in range(5):
        net.carrier(False)
        wait_until(lambda: "NO-CARRIER" in net.mn.sh("ip", "link", "show", UPLINK), 5,
                   "carrier loss to be seen")
        check(mnat0_is_up(net), "mnat0 is up and holds the virtual address without carrier")
        net.carrier(True)
        node.wait_address("10.0.1.")
        wait_progress(net, 5001)
    stream_whole(stream.stop())
    check(mnat0_is_up(net), "mnat0 is up and holds the virtual address")
    equal(node.shim()["actual"], before["actual"], "actual address")
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_1, "the manager's view")


@scenario("l2.roam")
def l2_roam(run):
    """To another access point of the same subnet: A is kept, no rule changes (P7)."""
    net, gateway, node = running_node(run)
    leases = gateway.dump("mnat-dhcpd", "leases")
    rule = gateway.host(VIRTUAL)
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    for access_point in ("ap1b", "ap1"):
        node.move(net, access_point, "10.0.1.")
        wait_progress(net, 5001)
    stream_whole(stream.stop())
    equal(node.shim()["actual"], ACTUAL_1, "actual address")

    def identity(rows):
        return [(r["mac"], r["actual"], r["virtual"], r["state"]) for r in rows]
    equal(identity(gateway.dump("mnat-dhcpd", "leases")), identity(leases), "leases")
    equal(gateway.host(VIRTUAL)["bound_at_us"], rule["bound_at_us"], "when the rule was made")


@scenario("topology.l2")
def topology_l2(run):
    """A switched domain: the gateway is the router on both links, no relay (P9)."""
    net, gateway, node = running_node(run, domain="switched")
    capture = Capture(net.gw, "out0", "net 10.0.0.0/8")
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    for access_point, prefix in (("ap2", "10.0.2."), ("ap1", "10.0.1.")):
        node.move(net, access_point, prefix)
        wait_progress(net, 5001)
    stream_whole(stream.stop())
    equal(capture.stop(), [], "inside addresses on the outside")
    equal(gateway.host(VIRTUAL)["actual"], node.shim()["actual"], "the manager's view")


@scenario("move.rebind")
def move_rebind(run):
    """Back on a link it knows the node tells its manager at once, and is there before DHCP has
    answered; what was recorded of it, said again, moves nobody."""
    net = Internet(run)
    gateway = Gateway(net, numbered=True).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    stream = TcpFlow(net.mn, net.cn, rate=1_000_000)
    wait_progress(net, 5001, 50_000)
    node.move(net, "ap2", "10.0.2.")  # not known yet: DHCP
    heard = Capture(net.r1, "core", "udp port 7627")
    for access_point, prefix in (("ap1", "10.0.1."), ("ap2", "10.0.2."), ("ap1", "10.0.1.")):
        wait_token(node, net)
        row = node.move(net, access_point, prefix)
        names = [event["what"] for event in row["events"]]
        check("rebound" in names, f"rebound, and not {names}")
        check("shim-set" in names, f"the shim follows: {names}")
        check(names.index("rebound") < names.index("shim-set"), f"by the rebind: {names}")
        wait_progress(net, 5001)
    stream_whole(stream.stop(60))
    equal(gateway.counters("mnat-mmd")["rebound"], 3, "moves by rebind")
    equal(gateway.counters("mnat-dhcpd")["rebound"], 3, "leases moved by the manager's word")
    replay(net, heard.stop())
    wait_until(lambda: gateway.counters("mnat-mmd")["rebinds_silent"] > 0, 5, "the replay noticed")
    equal(gateway.host(VIRTUAL)["actual"], ACTUAL_1, "where the host is, after the replay")


def wait_token(node, net):
    """Until DHCP has confirmed, with the next ticket: the state file has it."""
    path = node.run_dir / "mnatc.json"

    def tickets():
        homes = json.loads(path.read_text())["homes"] if path.exists() else []
        return [home["ticket"] for home in homes if home["ticket"]]
    wait_until(lambda: tickets() and tickets() != getattr(node, "tickets", None), 10, "a ticket")
    node.tickets = tickets()


def replay(net, packets):
    """The first rebind that was heard, from the address it came from."""
    first = next(p for p in packets if p.dport == 7627 and p.target == GATEWAY_INSIDE)
    net.r1.ip(f"addr add {first.source}/32 dev lo")
    with net.r1.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sender.bind((first.source, 7627))
        sender.sendto(first.payload, (GATEWAY_INSIDE, 7627))


@scenario("move.prepared")
def prepared(run):
    """Told where it goes, the node has an address there before it leaves: one exchange on
    arrival, none refused, even where it never was; told wrong, it moves as ever."""
    net, gateway, node = running_node(run)
    stream = TcpFlow(net.mn, net.cn)
    wait_progress(net, 5001, 50_000)
    rule = gateway.host(VIRTUAL)
    for router, access_point, prefix, messages in (
            ("10.0.2.1", "ap2", "10.0.2.", ["prepared", "request", "ack"]),
            ("10.0.2.1", "ap1", "10.0.1.", ["prepared", "request", "nak", "discover", "offer",
                                            "request", "ack"])):
        node.ctl("prepare", router)
        wait_until(lambda: str(node.ctl("status")["daemons"]["mnatc"]["prepared"]).startswith(
            "10.0.2."), 5, "an offer for the next link")
        equal(gateway.host(VIRTUAL), rule, "where the host is, before it has left")
        row = node.move(net, access_point, prefix)
        names = [event["what"] for event in row["events"]]
        equal([name for name in names if name in messages], messages, "DHCP messages")
        wait_progress(net, 5001)
        rule = gateway.host(VIRTUAL)
        equal(rule["actual"], node.shim()["actual"], "the manager's view")
    stream_whole(stream.stop())
