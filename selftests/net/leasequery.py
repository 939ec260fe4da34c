"""A manager that asks the DHCP server for its leases, as other programs may."""
import hashlib
import json
import socket
import struct
import time

from dhcp_interop import tshark
from mnatlab import control
from mnatlab.checks import at_most, check, equal
from mnatlab.flows import Download
from mnatlab.leasequery import (ACTIVE, ACTIVE_QUERY, BULK, DONE, STATUS, TLS, UNASSIGNED,
                                Requestor, Server, write_pcap)
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Dhclient, Nginx, Relay
from mnatlab.topology import ACTUAL_1, ACTUAL_2, GATEWAY_INSIDE, SERVER, UPLINK, VIRTUAL, Internet

LISTENED = "10.0.0.2"  # r1; r2 is 10.0.0.3


def fed_gateway(net, clients):
    """No socket between the DHCP server and the manager, but leasequery."""
    gateway = Gateway(net, mobile=False)
    with open(gateway.conf("mnat-dhcpd"), "a", encoding="ascii") as conf:
        conf.write(f'leasequery {{\n\tlisten = "{GATEWAY_INSIDE}"\n\tclients = {clients}\n}}\n')
    with open(gateway.conf("mnat-mmd"), "a", encoding="ascii") as conf:
        conf.write(f'dhcp-server {{\n\tleasequery = "{GATEWAY_INSIDE}"\n}}\n')
    return gateway


def status(gateway, daemon):
    with control.Control(gateway.socket(daemon)) as asks:
        return asks.call("status")[1]


def feed(gateway):
    return status(gateway, "mnat-mmd")["feed"]


def wait_live(gateway):
    wait_until(lambda: feed(gateway).get("state") == "live", 10, "the manager to be fed")


def hosts(gateway, daemon):
    """Where hosts are, by that daemon: each once."""
    return sorted((row["virtual"] or "", row["actual"]) for row in gateway.dump(daemon, "hosts")
                  if row["actual"])


def expect_hosts(gateway, *expected):
    """At the manager and at the gateway, these and no others."""
    expected = sorted(expected)
    wait_until(lambda: hosts(gateway, "mnat-mmd") == expected, 5,
               lambda: f"the manager's hosts to be {expected}: {hosts(gateway, 'mnat-mmd')}")
    plain = [("", actual) if not virtual else (virtual, actual) for virtual, actual in expected]

    def at_gateway():
        return sorted(("" if row["plain"] else row["virtual"], row["actual"])
                      for row in gateway.dump("mnat-midcomd", "hosts") if row["actual"])
    wait_until(lambda: at_gateway() == plain, 5,
               lambda: f"the gateway's hosts to be {plain}: {at_gateway()}")


def tlv(code, value):
    return bytes([code, len(value)]) + value


def u32(number):
    return struct.pack("!I", number)


def expect_bytes(message, node_mac, client, generation, bound_at):
    """Every byte of the mobile host's record; times are looked at one by one."""
    times = {code: message.number(code) for code in (152, 51, 153, 91)}
    at_most(abs(times[152] - time.time()), 2, "base-time, from now")
    at_most(abs(times[153] - (time.time() - bound_at)), 3, "seconds since it was bound")
    equal(times[91], times[153], "seconds since it was heard")
    at_most(abs(times[51] - (3600 - times[91])), 1, "seconds left of its lease, from what is due")
    ip = socket.inet_aton
    sub = tlv(1, ip(VIRTUAL)) + tlv(13, u32(generation))
    expected = (b"\x02\x01\x06\0\x51\x52\x53\x54" + bytes(4) + ip(ACTUAL_1) + bytes(12)
                + node_mac + bytes(10 + 64 + 128) + b"\x63\x82\x53\x63" + tlv(53, b"\x0d")
                + tlv(54, ip(GATEWAY_INSIDE)) + tlv(152, u32(times[152])) + tlv(51, u32(times[51]))
                + tlv(156, b"\x02") + tlv(157, b"\0") + tlv(153, u32(times[153]))
                + tlv(91, u32(times[91])) + tlv(61, client)
                + tlv(82, tlv(1, b"lan")) + tlv(92, ip(ACTUAL_1) + ip(VIRTUAL))
                + tlv(125, u32(32473) + bytes([len(sub)]) + sub) + b"\xff")
    equal(message.data.hex(), expected.ljust(300, b"\0").hex(), "the record's bytes")


def tshark_understands(run, messages):
    path = run.dir / "leasequery.pcap"
    write_pcap(path, messages)
    equal(len(tshark(path, "dhcp", "frame.number")), len(messages), "messages that tshark decodes")
    equal(set(tshark(path, "_ws.malformed or _ws.expert", "dhcp.option.dhcp",
                     "_ws.expert.message")),
          {f"{kind}\tClient address not given" for kind in (DONE, STATUS, TLS)},
          "what tshark remarks: these are about no client")
    rows = tshark(path, "dhcp.option.dhcp == 13 or dhcp.option.dhcp == 11",
                  "dhcp.option.bulk_lease.dhcp_state", "dhcp.option.bulk_lease.data_source",
                  "dhcp.ip.client", "dhcp.option.vi.enterprise")
    equal(rows, [f"{2 if m.type == 'active' else 4}\t0\t{m.address}\t{32473 if m.vivso() else ''}"
                 for m in messages if m.type in ("active", "unassigned")],
          "states, sources, addresses and enterprises that it reads")


def ask_as_a_program(net, gateway, plain, bound_at):
    """A listed requestor gets exact records; an unlisted one its refusal. All messages."""
    link = json.loads(net.mn.sh("ip", "-j", "link", "show", UPLINK))[0]
    node_mac = bytes.fromhex(link["address"].replace(":", ""))
    reader = Requestor(net.r1, GATEWAY_INSIDE)
    bindings, done = reader.bulk()
    generation = gateway.host(VIRTUAL)["generation"]
    equal([m.host() for m in bindings],
          [("active", plain, None, 1), ("active", ACTUAL_1, VIRTUAL, generation)]
          if socket.inet_aton(plain) < socket.inet_aton(ACTUAL_1) else
          [("active", ACTUAL_1, VIRTUAL, generation), ("active", plain, None, 1)],
          "bindings by a bulk query")
    equal(done.status(), ("Success", ""), "its end")
    client = next(row["client"] for row in gateway.dump("mnat-dhcpd", "leases")
                  if row["actual"] == ACTUAL_1)
    expect_bytes(next(m for m in bindings if m.address == ACTUAL_1), node_mac,
                 bytes.fromhex(client), generation, bound_at)
    equal(reader.ask(TLS).next().status(),
          ("TLSConnectionRefused", "there is no TLS here; ask without, over a network you trust"),
          "an answer to TLS")
    stranger = Requestor(net.r2, GATEWAY_INSIDE)
    equal([m.status() for m in stranger.bulk()[0]] + [stranger.messages[-1].status()],
          [("NotAllowed", "10.0.0.3 is not in leasequery { clients = ... } of this server")],
          "what a stranger is told")
    equal(stranger.next(), None, "and then")
    equal(gateway.counters("mnat-dhcpd")["leasequery_refused"], 1, "refusals counted")
    reader.close()
    return reader.messages + stranger.messages


def catches_up(net, node, gateway):
    """Changes as they come; then those that came while the reader was away, and once each. All
    messages."""
    reader = Requestor(net.r1, GATEWAY_INSIDE).active()
    wait_until(lambda: status(gateway, "mnat-dhcpd")["readers"] == 2, 5, "a reader")
    generation = gateway.host(VIRTUAL)["generation"]
    node.move(net, "ap2", ACTUAL_2)
    equal([reader.next().host(), reader.next().host()],
          [("active", ACTUAL_2, VIRTUAL, generation + 1), ("unassigned", ACTUAL_1, None, None)],
          "a move")
    since = max(m.number(152) for m in reader.messages)
    messages = reader.messages
    reader.close()
    time.sleep(1.1)  # the next change is of another second, and not told twice
    node.move(net, "ap1", ACTUAL_1)
    reader = Requestor(net.r1, GATEWAY_INSIDE).active(since + 1)
    missed, last = reader.until("status")
    equal([m.host() for m in missed],
          [("active", ACTUAL_1, VIRTUAL, generation + 2), ("unassigned", ACTUAL_2, None, None)],
          "what came meanwhile")
    equal(last.status(), ("CatchUpComplete", ""), "and that this is all")
    reader.close()
    return messages + reader.messages


def server_dies(gateway, expected):
    """All is asked for again; hosts stay where they are, and gateways hear nothing."""
    before = gateway.counters("mnat-mmd")
    server = gateway.daemons["mnat-dhcpd"]
    server.kill9()
    wait_until(lambda: feed(gateway)["state"] != "live", 5, "the manager to notice")
    problems = status(gateway, "mnat-mmd")["problems"]
    check(len(problems) == 1 and problems[0].startswith("the DHCP server at 10.0.0.1:67 "),
          f"one problem, that names the server: {problems}")
    gateway.start_daemon("mnat-dhcpd")
    wait_live(gateway)
    expect_hosts(gateway, *expected)
    after = gateway.counters("mnat-mmd")
    equal({name: after[name] - before[name] for name in ("snapshots", "gone", "rebinds",
                                                         "feed_missed", "feed_refused")},
          {"snapshots": 1, "gone": 0, "rebinds": 0, "feed_missed": 1, "feed_refused": 0},
          "what the server's restart came to")


@scenario("leasequery.feed")
def fed(run):
    """A manager fed by leasequery alone: real clients' hosts, moves, restarts of both."""
    net = Internet(run)
    gateway = fed_gateway(net, f'{{"{GATEWAY_INSIDE}", "{LISTENED}"}}').up()
    net.relays = [Relay(router, GATEWAY_INSIDE, "-a") for router in (net.r1, net.r2)]
    web = Nginx(net.cn, rate=2_000_000)
    web.publish("file", 16_000_000)
    wait_live(gateway)
    node = Node(net, UPLINK).up()
    bound_at = time.time()
    node.wait_address(ACTUAL_1)
    plain = Dhclient(net.plain, "eth0").wait_bound("10.0.1.")
    expect_hosts(gateway, (VIRTUAL, ACTUAL_1), ("", plain))
    messages = ask_as_a_program(net, gateway, plain, bound_at)

    download = Download(net.mn, f"http://{SERVER}/file")
    node.move(net, "ap2", ACTUAL_2)
    expect_hosts(gateway, (VIRTUAL, ACTUAL_2), ("", plain))
    server_dies(gateway, [(VIRTUAL, ACTUAL_2), ("", plain)])
    node.move(net, "ap1", ACTUAL_1)
    expect_hosts(gateway, (VIRTUAL, ACTUAL_1), ("", plain))

    gateway.daemons["mnat-mmd"].kill9()
    node.move(net, "ap2", ACTUAL_2)
    gateway.start_daemon("mnat-mmd")
    wait_live(gateway)
    expect_hosts(gateway, (VIRTUAL, ACTUAL_2), ("", plain))
    equal(download.wait(60), 0, "curl's exit status")
    equal(download.sha.hexdigest(), hashlib.sha256((web.www / "file").read_bytes()).hexdigest(),
          "sha256 of a download over it all")

    node.move(net, "ap1", ACTUAL_1)
    tshark_understands(run, messages + catches_up(net, node, gateway))
    expect_hosts(gateway, (VIRTUAL, ACTUAL_1), ("", plain))
    equal(feed(gateway)["refused"], 0, "messages the manager did not understand")


@scenario("leasequery.foreign")
def foreign(run):
    """Fed by another make of server: its hosts are plain ones, with NAT as long as they have
    their leases."""
    net = Internet(run)
    gateway = fed_gateway(net, f'{{"{GATEWAY_INSIDE}"}}')
    mac, address, other = b"\x02\0\0\0\0\x09", "10.0.1.20", "10.0.1.21"
    net.plain.ip(f"addr add {address}/24 dev eth0", f"link set eth0 address {mac.hex(':')}",
                 "route add default via 10.0.1.1")
    server = Server(net.gw, GATEWAY_INSIDE, {address: mac})
    gateway.load()
    for daemon in ("mnat-midcomd", "mnat-mmd"):
        gateway.start_daemon(daemon)
    gateway.wait_connected()
    wait_live(gateway)
    equal(server.queries, [(BULK, False), (ACTIVE_QUERY, True)], "what it is asked")
    expect_hosts(gateway, ("", address))
    web = Nginx(net.cn)
    web.publish("file", 1_000_000)
    equal(Download(net.plain, f"http://{SERVER}/file").wait(20), 0, "curl's exit status")

    generation = gateway.dump("mnat-mmd", "hosts")[0]["generation"]
    at_most(abs(generation - time.time()), 10, "its generation, from the record's time")
    server.tell(ACTIVE, address, mac)  # renewed
    server.tell(ACTIVE, other, b"\x02\0\0\0\0\x0a")
    expect_hosts(gateway, ("", address), ("", other))
    equal({row["generation"] for row in gateway.dump("mnat-mmd", "hosts")
           if row["actual"] == address}, {generation}, "the generation of one that renews")
    server.tell(UNASSIGNED, address, mac)
    expect_hosts(gateway, ("", other))
    server.tell(ACTIVE, address, mac)
    expect_hosts(gateway, ("", address), ("", other))

    server.close()
    wait_until(lambda: feed(gateway)["state"] != "live", 5, "the manager to notice")
    expect_hosts(gateway, ("", address), ("", other))
    server = Server(net.gw, GATEWAY_INSIDE, {address: mac})
    wait_live(gateway)
    equal(server.queries, [(ACTIVE_QUERY, True)], "what it is asked after a loss")
    gateway.daemons["mnat-mmd"].kill9()
    gateway.start_daemon("mnat-mmd")
    wait_live(gateway)
    expect_hosts(gateway, ("", address))  # the other's lease has ended meanwhile
    equal(Download(net.plain, f"http://{SERVER}/file").wait(20), 0, "curl's exit status")
    equal(feed(gateway)["refused"], 0, "messages the manager did not understand")
    with control.Control(gateway.socket("mnat-mmd")) as asks:
        asks.call("snapshot")
        check("set manager-socket = \"\"" in status(gateway, "mnat-mmd")["problems"][0],
              "a problem when a server comes by itself, too")
    server.close()
