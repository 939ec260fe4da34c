"""What the networks hold beside MobileNAT, all of it as Debian ships it."""
import os
from pathlib import Path

from .netns import sh
from .proc import Program

LIB = Path(__file__).resolve().parents[1]
TOOLS = Path("/usr/sbin")


class Relay(Program):
    """isc-dhcp-relay between a router's "lan" and "core"; options: further ones, of which
    -U core is another way to name the upstream side."""

    def __init__(self, netns, server, *options):
        up = [] if "-U" in options else ["-iu", "core"]
        super().__init__(netns, "dhcrelay", [
            TOOLS / "dhcrelay", "-d", "-4", "--no-pid", *options, "-id", "lan", *up, server])
        self.wait_text("Sending on   Socket")


class Udhcpc(Program):
    """A stock DHCP client that stays (busybox, as in most small devices)."""

    def __init__(self, netns, device):
        super().__init__(netns, "udhcpc", [
            TOOLS / "udhcpc", "-f", "-i", device, "-t", "10", "-T", "1",
            "-s", LIB / "udhcpc.script"])
        self.device = device

    def wait_bound(self, timeout=15):
        return self.wait_for(lambda: address(self.netns, self.device), "an address", timeout)


class Dhclient(Program):
    """Another stock DHCP client; start it again after a move, as network managers do."""

    CONF = "request subnet-mask, routers;\ninitial-interval 1;\n"

    def __init__(self, netns, device, conf_text=CONF):
        state = netns.run_.dir / f"{netns.name}.dhclient"
        conf = state.with_suffix(".dhclient.conf")
        conf.write_text(conf_text)
        self.leases = state.with_name(f"{state.name}.leases")
        super().__init__(netns, "dhclient", [
            TOOLS / "dhclient", "-4", "-d", "-cf", conf, "-lf", f"{state}.leases",
            "--no-pid", "-sf", LIB / "dhclient.script", device])
        self.device = device

    def wait_bound(self, prefix="", timeout=15):
        return self.wait_for(lambda: address(self.netns, self.device, prefix),
                             f"an address {prefix}", timeout)


class Dhcpcd(Program):
    """A third one; what it keeps is on a file system of its own, which ends with it."""

    SCRIPT = """set -e
mount -t tmpfs tmpfs /var/lib/dhcpcd
mount -t tmpfs tmpfs /run
exec {program} -B -4 -d -f {conf} -c /bin/true {device}
"""

    def __init__(self, netns, device, conf_text=""):
        conf = netns.run_.dir / f"{netns.name}.dhcpcd.conf"
        conf.write_text("duid\nnoarp\nnodelay\nnoipv4ll\nnogateway\n" + conf_text)
        super().__init__(netns, "dhcpcd", [
            "unshare", "--mount", "sh", "-c",
            self.SCRIPT.format(program=TOOLS / "dhcpcd", conf=conf, device=device)])


class Networkd(Program):
    """systemd-networkd, as in a container: /sys is read-only, so it waits for no udev."""

    SCRIPT = """set -e
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases
cat >/run/systemd/network/1.network <<END
[Match]
Name={device}
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
[DHCPv4]
{settings}
END
mount -t sysfs -o ro sysfs /sys
exec /lib/systemd/systemd-networkd
"""

    def __init__(self, netns, device, settings=""):
        super().__init__(netns, "networkd", [
            "unshare", "--mount", "env", "SYSTEMD_LOG_LEVEL=debug", "sh", "-c",
            self.SCRIPT.format(device=device, settings=settings)])


class Udhcpd(Program):
    """A provider's stock DHCP server with one address."""

    CONF = """interface {device}
start {address}
end {address}
opt subnet 255.255.255.0
opt router {router}
opt lease 600
max_leases 1
lease_file {dir}/{name}.udhcpd.leases
pidfile {dir}/{name}.udhcpd.pid
"""

    def __init__(self, netns, device, address, router):
        directory = netns.run_.dir
        conf = directory / f"{netns.name}.udhcpd.conf"
        conf.write_text(self.CONF.format(device=device, address=address, router=router,
                                         dir=directory, name=netns.name))
        (directory / f"{netns.name}.udhcpd.leases").touch()
        super().__init__(netns, "udhcpd", ["busybox", "udhcpd", "-f", "-a", "0", conf])
        self.wait_text("started")


def address(netns, device, prefix=""):
    """The device's IPv4 address if it begins with prefix, or None."""
    for word in netns.sh("ip", "-4", "-o", "addr", "show", "dev", device).split():
        if "/" in word and word[0].isdigit() and word.startswith(prefix):
            return word.split("/")[0]
    return None


class Nginx(Program):
    """The public web server; rate in bytes a second holds a download back; size is what
    it will have to publish."""

    CONF = """daemon off; user root; worker_processes 1; pid {dir}/pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
    access_log off; sendfile on; sendfile_max_chunk {chunk}; limit_rate {rate};
    client_body_temp_path {dir}/t; proxy_temp_path {dir}/t; fastcgi_temp_path {dir}/t;
    uwsgi_temp_path {dir}/t; scgi_temp_path {dir}/t;
    server {{ listen 80; root {www}; }}
}}
"""

    def __init__(self, netns, rate=0, size=0):
        self.dir = netns.run_.dir / f"{netns.name}.nginx"
        self.dir.mkdir(mode=0o755)
        self.www = netns.run_.roomy_dir(size) / "www"
        self.www.mkdir(mode=0o755)
        conf = self.dir / "nginx.conf"
        conf.write_text(self.CONF.format(dir=self.dir, www=self.www, rate=rate,
                                         chunk=max(rate // 200, 4096)))
        super().__init__(netns, "nginx", [TOOLS / "nginx", "-e", "stderr", "-c", conf])
        self.wait_for(lambda: listening(netns, 80), "a listening socket")

    def publish(self, name, size):
        """A file of random content."""
        with open(self.www / name, "wb") as file:
            left = size
            while left:
                left -= file.write(os.urandom(min(left, 1 << 20)))


class Sshd(Program):
    """The public ssh server with keys of this run and one user, "visitor"."""

    CONF = """ListenAddress 0.0.0.0
Port 22
HostKey {dir}/host
AuthorizedKeysFile {dir}/user.pub
PasswordAuthentication no
StrictModes no
UsePAM no
PrintMotd no
PrintLastLog no
PidFile none
UseDNS no
"""
    # A machine of its own as far as accounts, logs and /run go.
    SCRIPT = """set -e
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir /run/sshd
mount --bind {dir}/passwd /etc/passwd
mount --bind {dir}/shadow /etc/shadow
exec /usr/sbin/sshd -D -e -f {dir}/sshd_config
"""

    def __init__(self, netns):
        self.dir = netns.run_.dir / f"{netns.name}.sshd"
        home = self.dir / "home"
        home.mkdir(parents=True)
        (home / ".profile").write_text("PS1='server$ '\n")
        (home / ".hushlogin").touch()
        for key in ("host", "user"):
            sh(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.dir / key])
        (self.dir / "user.pub").chmod(0o644)
        (self.dir / "passwd").write_text(
            "root:x:0:0:root:/root:/bin/sh\n"
            "sshd:x:65532:65534::/run/sshd:/usr/sbin/nologin\n"
            f"visitor:x:65533:65534::{home}:/bin/sh\n")
        (self.dir / "shadow").write_text("root:*:1::::::\nsshd:*:1::::::\nvisitor:*:1::::::\n")
        (self.dir / "sshd_config").write_text(self.CONF.format(dir=self.dir))
        super().__init__(netns, "sshd", [
            "unshare", "--mount", "sh", "-c", self.SCRIPT.format(dir=self.dir)])
        self.wait_text("Server listening")

    def client_argv(self, address):
        key = (self.dir / "host.pub").read_text().split()
        (self.dir / "known").write_text(f"{address} {key[0]} {key[1]}\n")
        return ["ssh", "-F", "none", "-tt", "-i", self.dir / "user", "-o", "IdentitiesOnly=yes",
                "-o", f"UserKnownHostsFile={self.dir}/known", "-o", "LogLevel=ERROR",
                f"visitor@{address}"]


def listening(netns, port, kind="-lnt"):
    return netns.sh("ss", "-H", kind, f"sport = :{port}").strip()


def masquerade(netns, device):
    """The kernel's own NAT."""
    netns.sh("nft", f"add table ip nat; "
             f"add chain ip nat post {{ type nat hook postrouting priority 100; }}; "
             f"add rule ip nat post oifname {device} masquerade")
