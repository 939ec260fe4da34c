"""Who may do what."""
import shutil

from mnatlab import ROOT, control
from mnatlab.checks import check, equal
from mnatlab.mobilenat import BIN, Gateway
from mnatlab.netns import sh, veth
from mnatlab.proc import wait_until
from mnatlab.scenario import Skip, scenario
from mnatlab.services import Udhcpc
from mnatlab.topology import UPLINK, Internet

from uplinks import Pair


def status(pid):
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.split(":", 1) for line in lines)


def files(pid):
    """What regular files and devices a process has open."""
    links = sh(["find", f"/proc/{pid}/fd", "-type", "l", "-printf", "%l\\n"]).splitlines()
    return [link for link in links if link.startswith("/") and link != "/dev/null"
            and not link.endswith(".log")]


@scenario("privilege.dhcpd")
def dhcpd(run):
    """The DHCP server hears strangers with no files and no rights; its keeper has the files."""
    if b"__asan_init" in (BIN / "mnat-dhcpd").read_bytes():
        raise Skip("sanitizers look at files of their own")
    net = Internet(run)
    gateway = Gateway(net).up()
    net.start_relays()
    server = gateway.daemons["mnat-dhcpd"]
    keeper, = server.children()
    wait_until(lambda: status(server.pid)["Seccomp"].strip() == "2", 5, "a filter")
    for name, pid in (("server", server.pid), ("keeper", keeper)):
        for kind in ("CapEff", "CapPrm", "CapInh"):
            equal(int(status(pid)[kind], 16), 0, f"{kind} of the {name}")
    equal(status(server.pid)["NoNewPrivs"].strip(), "1", "no new privileges")
    equal(files(server.pid), [], "files that the server has open")
    check(any("dhcpd.sqlite" in name for name in files(keeper)), "the keeper has the database")
    # it still does everything: leases, a manager that comes back, its configuration again
    Udhcpc(net.plain, "eth0").wait_bound()
    gateway.daemons["mnat-mmd"].kill9()
    gateway.start_daemon("mnat-mmd")
    wait_until(lambda: control.status(gateway.socket("mnat-dhcpd"))["manager"] == "connected", 10,
               "the manager to be connected again")
    conf = gateway.conf("mnat-dhcpd")
    server.signal(1)
    server.wait_text("serving by the configuration now in")
    conf.write_text(conf.read_text().replace('interfaces = {"in0"}', 'interfaces = {"none0"}'))
    server.signal(1)
    server.wait_text("there is no interface none0")
    server.stop()
    check(not gateway.socket("mnat-dhcpd").exists(), "its socket has gone with it")


@scenario("privilege.mnatc")
def mnatc(run):
    """The client keeps three of root's rights, gives them to nobody, and still does it all: moves,
    an uplink that comes and goes, name servers, ending sessions."""
    pair = Pair(run, 'dns = "file"\nresolv-conf = "{}"'.format(run.dir / "resolv.conf"))
    conf = pair.node.conf()
    conf.write_text(conf.read_text().replace('dns = "none"\n', "", 1))
    server = pair.gateway.conf("mnat-dhcpd")
    server.write_text(server.read_text().replace('router = "10.0.1.1"',
                                                 'router = "10.0.1.1"\n\tdns = {"10.0.0.53"}'))
    pair.gateway.daemons["mnat-dhcpd"].signal(1)
    pair.gateway.daemons["mnat-dhcpd"].wait_text("serving by the configuration now in")
    pair.up()
    pid = pair.node.daemons["mnatc"].pid
    wait_until(lambda: status(pid)["NoNewPrivs"].strip() == "1", 5, "no new privileges")
    rights = 1 << 12 | 1 << 13 | 1 << 39  # CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF
    equal([int(status(pid)[kind], 16) for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb")],
          [rights, rights, 0, 0], "capabilities")
    wait_until(lambda: "10.0.0.53" in (run.dir / "resolv.conf").read_text(), 5, "name servers")
    pair.go(second=True)
    pair.net.mn.ip(f"link del {UPLINK}")
    veth(pair.net.mn, UPLINK, pair.net.air, "mn")
    pair.net.air.ip("link set mn master ap1")
    pair.node.load()  # the shim is on what is plugged in anew
    pair.go(second=False)
    pair.node.ctl("release")


@scenario("privilege.units")
def units(run):
    """systemd's own judgement of our units: none is exposed more than 2.5 of 10."""
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze here")
    for unit in sorted((ROOT / "ctl" / "systemd").glob("*.service")):
        sh(["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", unit])
