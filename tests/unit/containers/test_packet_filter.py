"""Docker's rules go, everybody else's stay."""

from __future__ import annotations

from tcp_performance.packet_filter import without_docker

BEFORE = """*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -s 192.0.2.9/32 -j ACCEPT
COMMIT
"""

WITH_DOCKER = """*filter
:INPUT DROP [7:420]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [9:900]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-USER - [0:0]
-A INPUT -s 192.0.2.9/32 -j ACCEPT
-A INPUT -s 192.0.2.10/32 -j ACCEPT
-A FORWARD -j DOCKER-USER
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
*nat
:POSTROUTING ACCEPT [0:0]
:DOCKER - [0:0]
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER -i docker0 -j RETURN
COMMIT
"""


def test_dockers_chains_and_rules_go() -> None:
    left = without_docker(WITH_DOCKER, BEFORE)
    assert "docker" not in left.lower()


def test_policies_are_as_before() -> None:
    left = without_docker(WITH_DOCKER, BEFORE)
    assert ":FORWARD ACCEPT [0:0]" in left
    assert ":INPUT DROP [0:0]" in left


def test_rules_of_others_stay_even_those_added_meanwhile() -> None:
    left = without_docker(WITH_DOCKER, BEFORE)
    assert "-A INPUT -s 192.0.2.9/32 -j ACCEPT" in left
    assert "-A INPUT -s 192.0.2.10/32 -j ACCEPT" in left


def test_rules_of_an_engine_from_before_stay() -> None:
    assert without_docker(WITH_DOCKER, WITH_DOCKER) == WITH_DOCKER
