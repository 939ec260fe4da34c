"""Assertions. A failed one says what was looked at, what was expected and what came."""


class CheckFailed(Exception):
    pass


def fail(what):
    raise CheckFailed(what)


def check(condition, what):
    if not condition:
        fail(what)


def equal(got, expected, what):
    if got != expected:
        fail(f"{what}\n  expected {expected!r}\n  got      {got!r}")


def at_most(got, limit, what):
    if got > limit:
        fail(f"{what}: expected at most {limit}, got {got}")


def flow_whole(results, what="UDP flow"):
    """Nothing of a UDP flow was lost, doubled or changed, either way."""
    for side, result in results.items():
        for field in ("lost", "duplicated", "corrupt", "send_errors", "peer_changes"):
            equal(result[field], 0, f"{what}, at the {side}: {field}; longest gap "
                  f"{result['longest_gap_ms']:.1f} ms")
        check(result["received"] > 0, f"{what}, at the {side}: nothing received")


def stream_whole(results, what="byte stream"):
    """Both directions of a TCP stream arrived whole."""
    node, server = results["node"], results["server"]
    for one, other, way in ((node, server, "node to server"), (server, node, "server to node")):
        equal(one["error"], "", f"{what}: error at the sender, {way}")
        equal(other["received"], one["sent"], f"{what}: bytes, {way}")
        equal(other["received_sha256"], one["sent_sha256"], f"{what}: sha256, {way}")
        check(one["sent"] > 0, f"{what}: nothing was sent, {way}")
