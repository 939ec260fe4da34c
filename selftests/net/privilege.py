"""Who may do what."""
import shutil

from mnatlab import ROOT, control
from mnatlab.checks import check, equal
from mnatlab.mobilenat import BIN, Gateway
from mnatlab.netns import sh
from mnatlab.proc import wait_until
from mnatlab.scenario import Skip, scenario
from mnatlab.services import Udhcpc
from mnatlab.topology import Internet


def status(pid):
    with open(f"/proc/{pid}/status") as lines:
        return dict(line.split(":", 1) for line in lines)


def children(pid):
    return [int(word) for word in open(f"/proc/{pid}/task/{pid}/children").read().split()]


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
    keeper, = children(server.pid)
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


@scenario("privilege.units")
def units(run):
    """systemd's own judgement of our units: none is exposed more than 2.5 of 10."""
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze here")
    for unit in sorted((ROOT / "ctl" / "systemd").glob("*.service")):
        sh(["systemd-analyze", "security", "--offline=true", "--threshold=25", "--no-pager", unit])
