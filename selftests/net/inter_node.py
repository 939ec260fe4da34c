"""The node's own part in public space: its policies, its restart, the way back."""
import signal

from mnatlab.checks import check, equal
from mnatlab.flows import TcpFlow, connections
from mnatlab.mobilenat_domains import Providers
from mnatlab.proc import wait_until
from mnatlab.scenario import scenario
from mnatlab.topology_domains import HOME, PUBLIC, PUBLIC_AP, SERVER, UPLINK

PORT = 5001


class Abroad:
    """A node at home with a session open, in a world that has a public network."""

    def __init__(self, run, **settings):
        self.providers = Providers(run, (HOME,), public=True)
        self.net = self.providers.net
        self.node = self.providers.start_node().node
        if settings:
            self.configure(**settings)
        self.flow = TcpFlow(self.net.mn, self.net.cn, PORT, 300_000, address=SERVER)
        self.goes_on("the session at home")

    def configure(self, **settings):
        path = self.node.conf()
        lines = [f'{name} = "{value}"\n' for name, value in settings.items()]
        path.write_text("".join(lines) + path.read_text())
        self.node.daemons["mnatc"].signal(signal.SIGHUP)
        self.node.wait_address(HOME.actual)

    def session(self):
        """The session as the server's kernel sees it."""
        return [row for row in connections(self.net.cn, PORT) if row.startswith(HOME.external)]

    def received(self):
        out = self.net.cn.sh("ss", "-Htin", "state", "established", f"sport = :{PORT}")
        words = [word for word in out.split() if word.startswith("bytes_received:")]
        return max((int(word.split(":")[1]) for word in words), default=0)

    def goes_on(self, what):
        start = self.received()
        wait_until(lambda: self.received() > start + 100_000, 15, f"{what} to go on")

    def leave(self):
        self.node.move(self.net, PUBLIC_AP, PUBLIC)

    def homes(self):
        return self.node.dump("mnatc", "homes")

    def go_home(self):
        self.node.move(self.net, HOME.ap, f"{HOME.subnet}.")


@scenario("inter.public.home")
def home_again(run):
    """Into public space and home again; what the node says of itself on the way."""
    abroad = Abroad(run)
    abroad.leave()
    abroad.goes_on("the session in public space")
    equal(abroad.node.shim()["mode"], "public", "the shim's mode")
    rows = abroad.homes()
    equal([(r["virtual"], r["gateway"], r["sockets"]) for r in rows],
          [(HOME.virtual, HOME.external, 1)], "the homes")
    abroad.go_home()
    abroad.goes_on("the session at home again")
    equal(abroad.node.shim()["mode"], "translate", "the shim's mode at home")
    check(abroad.flow.stop(), "the session's result")


@scenario("inter.public.kill9")
def killed_there(run):
    """mnatc killed in public space: packets flow on, and it finds its sessions again."""
    abroad = Abroad(run)
    abroad.leave()
    abroad.goes_on("the session in public space")
    abroad.node.daemons["mnatc"].kill9()
    abroad.goes_on("the session without mnatc")
    abroad.node.start_daemon()
    abroad.node.wait_address(PUBLIC)
    abroad.goes_on("the session with mnatc again")
    equal([row["sockets"] for row in abroad.homes()], [1], "the home's sessions")
    abroad.go_home()
    abroad.goes_on("the session at home again")
    abroad.flow.stop()


@scenario("inter.public.reset")
def reset(run):
    """public = "reset": the session is ended at both ends."""
    abroad = Abroad(run, public="reset")
    abroad.leave()
    wait_until(lambda: not abroad.session(), 10, "the server's end to be reset")
    out = abroad.net.mn.sh("ss", "-Htn", "state", "established", f"dport = :{PORT}")
    equal(out, "", "the node's end")
    wait_until(lambda: not abroad.homes(), 15, "the home to be dropped")


@scenario("inter.public.limit")
def limit(run):
    """serve = SECONDS: the home domain ends its service in public space, and says so."""
    abroad = Abroad(run)
    home = abroad.providers.home
    path = home.conf("mnat-mmd")
    path.write_text("serve = 4\n" + path.read_text())
    home.restart("mnat-mmd")
    abroad.leave()
    abroad.goes_on("the session in public space")
    wait_until(lambda: home.counters("mnat-mmd")["served_out"], 10, "the service to end")
    equal(home.host(HOME.virtual)["where"], "here", "where the home manager has the node")
    abroad.go_home()
    abroad.goes_on("the session at home again")
    abroad.flow.stop()


@scenario("inter.public.never")
def never(run):
    """public = "never": a stock network is a stock network, its address on mnat0."""
    abroad = Abroad(run, public="never")
    abroad.leave()
    equal(abroad.node.shim()["mode"], "translate", "the shim's mode")
    equal(abroad.node.shim()["virtual"], PUBLIC, "the stack's address")
    abroad.go_home()
    abroad.goes_on("the session at home again")
    abroad.flow.stop()
