"""What a move costs, seen by traffic."""
import statistics

from mnatlab.flows import Download, UdpFlow
from mnatlab.mobilenat import Gateway, Node
from mnatlab.proc import wait_until
from mnatlab.services import Nginx
from mnatlab.topology import SERVER, UPLINK, Internet

RATE = 10_000_000


def outage(run, results, quick):
    """move.outage and move.stall over 20 moves, full DHCP exchange through the relay."""
    moves = 6 if quick else 20
    net = Internet(run)
    Gateway(net).up()
    net.start_relays()
    size = RATE * 3 * moves
    Nginx(net.cn, RATE, size).publish("file", size)
    node = Node(net, UPLINK).up()
    node.wait_address("10.0.1.")
    download = Download(net.mn, f"http://{SERVER}/file")
    udp = UdpFlow(net.mn, net.cn)
    silences, stalls = [], []
    for n in range(moves):
        access_point, prefix = (("ap2", "10.0.2."), ("ap1", "10.0.1."))[n % 2]
        before = download.bytes
        move = node.move(net, access_point, prefix)
        wait_until(lambda: download.bytes > before + RATE // 2, 30, "the download to go on")
        silences.append(max(udp.outage(move["began_us"])))
        stalls.append(download.stall(move["began_us"] / 1e6))
    results.add("move.outage.median", statistics.median(silences), "ms")
    results.add("move.outage.worst", max(silences), "ms")
    results.add("move.stall.median", statistics.median(stalls), "ms")
    results.add("move.stall.worst", max(stalls), "ms")
    udp.stop()
