"""What the node's own stack is given: an address by DHCP, name servers."""
import hashlib

from mnatlab.capture import Capture, dhcp_messages
from mnatlab.checks import equal
from mnatlab.flows import Download
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.services import Nginx, Udhcpc
from mnatlab.topology import SERVER, UPLINK, VIRTUAL, Internet

BEFORE = "# the user's\nnameserver 192.0.2.53\n"


@scenario("stack.dhcp")
def stack_dhcp(run):
    """Paragraphs 137-139: a stock client on mnat0 waits until there is a lease, is given the
    virtual address for ever, and does nothing as the node moves."""
    net = Internet(run)
    gateway = Gateway(net)
    web = Nginx(net.cn, rate=2_000_000)
    web.publish("file", 6_000_000)
    node = Node(net, UPLINK, settings='dns = "none"\nstack = "dhcp"').up()
    messages = Capture(net.mn, "mnat0-peer", "udp port 67 or udp port 68")
    client = Udhcpc(net.mn, "mnat0")  # first: it waits
    wait_until(lambda: node.counters("mnatc")["node_dhcp_stack"] >= 1, 10, "the stack's DISCOVER")
    gateway.up()
    net.start_relays()
    equal(client.wait_bound(20), VIRTUAL, "the stack's address")
    net.mn.sh("ip", "route", "replace", "default", "via", "10.0.0.1", "dev", "mnat0")
    download = Download(net.mn, f"http://{SERVER}/file")
    node.move(net, "ap2", "10.0.2.")
    equal(download.wait(30), 0, "curl's exit status")
    equal(download.sha.hexdigest(), hashlib.sha256((web.www / "file").read_bytes()).hexdigest(),
          "sha256")
    seen = dhcp_messages(messages.stop())
    ack = next(m for m in seen if m.type == "ack")
    equal([m.type for m in seen if m.type in ("request", "ack")], ["request", "ack"],
          "one exchange, none for the move")
    equal(ack.yiaddr, VIRTUAL, "the virtual address")
    equal(ack.options[51], b"\xff\xff\xff\xff", "an endless lease")
    equal(ack.address(1), "255.0.0.0", "the mask")
    equal(ack.address(3), "10.0.0.1", "the gateway")
    equal(ack.address(54), "10.0.0.1", "the domain's server is passed through")


@scenario("stack.names")
def stack_names(run):
    """The domain's name servers become the node's; releasing the lease gives back what was."""
    net = Internet(run)
    gateway = Gateway(net)
    path = run.dir / "resolv.conf"
    path.write_text(BEFORE)
    conf = gateway.conf("mnat-dhcpd")
    conf.write_text(conf.read_text().replace('router = "10.0.1.1"',
                                             'router = "10.0.1.1"\n\tdns = {"10.0.0.53"}\n'
                                             '\tdomain = "example.org"'))
    gateway.up()
    net.start_relays()
    node = Node(net, UPLINK, settings=f'dns = "file"\nresolv-conf = "{path}"').up()
    node.wait_address("10.0.1.")

    def lines():
        return [line for line in path.read_text().splitlines() if not line.startswith("#")]
    wait_until(lambda: lines() == ["search example.org", "nameserver 10.0.0.53"], 5,
               "the domain's name servers")
    node.ctl("release")
    wait_until(lambda: path.read_text() == BEFORE, 5, "the file that was there before")
