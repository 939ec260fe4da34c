"""More than one gateway: in a domain, one beside the other; on the path, one behind the other."""
from mnatlab.checks import check, equal, stream_whole
from mnatlab.flows import TcpFlow, connections
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import masquerade
from mnatlab.topology import Internet
from mnatlab.topology_domains import HOME, SERVER, UPLINK, VISITED
from mnatlab.twins import SERVER_B, TwinProviders, core, external_b

from inter_chain import Journey
from move import wait_progress


class TwinJourney(Journey):
    PROVIDERS = TwinProviders

    def open_both(self, site):
        """A stream through each of the domain's gateways."""
        self.open(site)
        self.open(site, server=SERVER_B, external=external_b(site))


@scenario("several.leave")
def leave(run):
    """Two gateways in each domain: the sessions of both follow the node out, whichever
    gateway carries them there, and home again."""
    journey = TwinJourney(run, (HOME, VISITED))
    net, home = journey.net, journey.providers.home
    visited = journey.providers.gateways[VISITED]
    rows = home.dump("mnat-mmd", "gateways")
    equal([(row["tunnel"], row["at"], row["connected"]) for row in rows],
          [(HOME.external, f"{home.run_dir}/midcom.sock", True),
           (external_b(HOME), f"{core(HOME, 2)}:7626", True)], "the manager's gateways")
    journey.open_both(HOME)
    journey.go(VISITED)
    for gateway in (visited, visited.second):
        wait_until(lambda: {row["gateway"] for row in gateway.dump("mnat-midcomd", "anchors")}
                   == {HOME.external, external_b(HOME)}, 5,
                   "anchors in both home gateways, at both of the visited")
        visited.wait_imported(HOME.virtual)
        equal(sorted(row["anchor"] for row in gateway.sessions(proto="tcp")),
              [HOME.external, external_b(HOME)], f"anchors at {gateway.netns.name}")
    net.send(VISITED, SERVER, second=True)
    net.send(VISITED, SERVER_B, second=False)
    journey.all_go_on()
    journey.open(VISITED, server=SERVER_B)
    journey.open(VISITED, external=external_b(VISITED))
    journey.go(HOME)
    journey.open_both(HOME)
    journey.go(VISITED)
    journey.go(HOME)
    journey.finish()


@scenario("several.failover")
def failover(run):
    """The second gateway dies: its sessions end, all others go on, and what begins anew goes
    through the first at once."""
    journey = TwinJourney(run, (HOME, VISITED))
    net = journey.net
    journey.open_both(HOME)
    lost, _ = journey.streams.pop(5002)
    net.seconds[HOME].ip("link set in0 down", "link set out0 down")
    net.send(HOME, SERVER_B, second=False)
    journey.open(HOME, server=SERVER_B)
    journey.go(VISITED)
    journey.open(VISITED)
    net.seconds[HOME].ip("link set in0 up", "link set out0 up",
                         f"route add {HOME.subnet}.0/24 via {core(HOME, 3)}",
                         f"route add default via {HOME.upstream}")
    journey.providers.home.wait_connected()
    rerouted, _ = journey.streams.pop(5003)
    stream_whole(rerouted.stop(30), "the stream that began after the failure")
    net.send(HOME, SERVER_B, second=True)
    journey.go(HOME)
    journey.open(HOME, server=SERVER_B, external=external_b(HOME))
    journey.all_go_on()
    lost.client.kill9()
    lost.server.kill9()
    journey.finish()


@scenario("several.flooded")
def flooded(run):
    """Switches that learn nothing show each gateway what is for the other: each takes its own."""
    journey = TwinJourney(run, (HOME, VISITED))
    for router in journey.net.routers.values():
        router.ip("link set core type bridge ageing_time 0 mcast_snooping 0")
    for site in (HOME, VISITED):
        journey.net.inet.ip(f"link set net{site.number} type bridge ageing_time 0")
    journey.open_both(HOME)
    for gateway in (journey.providers.home, journey.providers.home.second):
        equal(len(gateway.sessions(proto="tcp")), 1, f"sessions at {gateway.netns.name}")
        check(gateway.counters("mnat-midcomd")["other_machine"] > 0, "frames for the other have been seen")
    journey.go(VISITED)
    journey.go(HOME)
    journey.finish()


@scenario("several.behind")
def behind(run):
    """A gateway behind another NAT, the kernel's: sessions go on as the node moves."""
    net = Internet(run)
    masquerade(net.isp, "lan")
    gateway = Gateway(net).up()
    net.start_relays()
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    stream = TcpFlow(net.mn, net.cn, 5001, 300_000)
    for access_point, prefix in (("ap2", "10.0.2."), ("ap1", "10.0.1.")):
        node.move(net, access_point, prefix)
        wait_progress(net, 5001, 50_000)
    views = connections(net.cn, 5001)
    check(views[0].startswith("128.59.16.1:"), f"seen through both: {views}")
    equal(len(gateway.sessions(proto="tcp")), 1, "sessions at our gateway")
    stream_whole(stream.stop())
