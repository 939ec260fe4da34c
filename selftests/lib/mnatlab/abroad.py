"""The demonstration's second act: another provider, public space, and home again."""
from .flows import Download, connections
from .mobilenat_domains import Providers
from .proc import wait_until
from .tale import Tale
from .topology_domains import HOME, PUBLIC, PUBLIC_AP, SERVER, VISITED

PICTURE = f"""
                 .-- {HOME.router} gateway {HOME.external} --.
   mobile node --|-- {VISITED.router} gateway {VISITED.external} ---|-- Internet -- server
   {HOME.virtual}    '-- public network, {PUBLIC} ---'               {SERVER}

   Two providers that use private addresses as they like, and a public network of a third
   that knows nothing of MobileNAT. A session is carried by the gateway where it began.
"""


class Abroad(Tale):
    """Two domains and a public network."""

    SERVER = SERVER
    SIZE = 360_000_000

    def build(self):
        say = self.say
        say.act("Two providers and a public network")
        say.line(PICTURE)
        self.providers = Providers(self.run, (HOME, VISITED), public=True)
        self.net = self.providers.net
        film = self.start_server()
        self.node = self.providers.start_node().node
        self.gateway = self.providers.home
        shim = self.node.shim()
        say.note("each provider: a gateway box with all four programs, its own certificate\n"
                 "the public network: busybox udhcpd\n"
                 f"mobile node: mnatc has {shim['virtual']}, at {shim['actual']}")
        film()

    def go(self, title, name, access_point, prefix, gateway):
        self.say.act(title)
        self.gateway = gateway
        self.move(name, access_point, prefix)
        self.open_page(gateway.site.external if gateway else PUBLIC)
        self.tell_picture(prefix)

    def open_page(self, expected):
        """A new connection; where the server sees it come from."""
        before = set(connections(self.net.cn, 80))
        page = Download(self.net.mn, f"http://{SERVER}/film")
        wait_until(lambda: page.bytes, 10, "a new connection to bring something")
        self.new_view = (set(connections(self.net.cn, 80)) - before).pop()
        page.program.kill9()
        self.claim(self.new_view.startswith(f"{expected}:"),
                   f"a new connection there comes from {self.new_view}")

    def tell_picture(self, prefix):
        """Who carries what, by the server's view and by where the node is."""
        here = {site: site.external for site in (HOME, VISITED) if prefix.startswith(site.subnet)}
        near = next(iter(here.values()), None)
        names = {HOME.external: "home gateway", VISITED.external: "visited gateway"}

        def line(what, peer):
            anchor = peer.split(":")[0]
            hops = ["node"]
            if near and near != anchor:
                hops.append(f" -- {names[near]}")
            if anchor in names:
                hops.append(f" {'--' if near == anchor else '=='} {names[anchor]}")
            self.say.note(f"   {what:9} {''.join(hops)} -- server")
        self.say.line()
        line("download", connections(self.net.cn, 80)[0])
        line("ssh", connections(self.net.cn, 22)[0])
        line("new page", self.new_view)
        self.say.note("   (== IP-in-IP)")

    def play(self):
        self.build()
        self.start_traffic()
        self.watch_until(0.2)
        self.go("To another provider", "the move to another provider", VISITED.ap,
                f"{VISITED.subnet}.", self.providers.gateways[VISITED])
        self.watch_until(0.45)
        self.go("Into public space: no gateway there, the node tunnels with home itself",
                "the move into public space", PUBLIC_AP, PUBLIC, None)
        self.watch_until(0.7)
        self.go("Home again", "the way home", HOME.ap, f"{HOME.subnet}.", self.providers.home)
        self.finish_traffic()
        self.shut_down([self.node, *self.providers.gateways.values()])
