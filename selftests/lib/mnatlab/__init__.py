"""MobileNAT's test laboratory: a small Internet in network namespaces.

netns      a run's namespaces, directory and pins, and their removal whatever happens
proc       programs: start, wait for a text or a state, end by process id
topology   the networks, routers and hosts of the seed's figures
services   what stands in them unmodified: web, ssh, DHCP relays and clients
mobilenat  the programs under test: configuration, start, questions to them
*_domains  both of them for several providers and public space
certs      what managers of different domains show each other
flows      traffic, and what became of it
capture    packets at a point, decoded
checks     assertions that say what was expected
scenario   the registry behind selftests/net/run
tale       what the demonstration's acts have in common; abroad: its second act
ui         the demonstration's account
"""
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("O") or "build")
if not BUILD.is_absolute():
    BUILD = ROOT / BUILD
# On a slow machine every wait may take this many times longer
SLOW = float(os.environ.get("MNAT_SLOW") or 1)


class LabError(Exception):
    """Something of the laboratory, not of the program under test, went wrong."""
