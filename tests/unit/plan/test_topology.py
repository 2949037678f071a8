from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest
from host_files import Files
from host_topology import Topology, read_topology


def read(machine: Any) -> Topology:
    return read_topology(Files(str(machine.root)))


def test_a_capture_reads_as_lscpu_reads_it(capture: Any) -> None:
    lscpu = shutil.which("lscpu")
    if lscpu is None:
        pytest.skip("no lscpu on this machine")
    columns = "-e=CPU,CORE,SOCKET,NODE,ONLINE"
    said = subprocess.run(
        [lscpu, "--sysroot", str(capture.root), "--json", columns], capture_output=True, text=True, check=True
    )
    theirs = [
        tuple(int(row[key]) for key in ("cpu", "core", "socket", "node"))
        for row in json.loads(said.stdout)["cpus"]
        if row["online"] in (True, "yes")
    ]
    assert [(c.cpu, c.core, c.socket, c.node) for c in read(capture).cpus if c.online] == theirs


def test_sockets_cores_and_threads_of_a_two_socket_server(epyc: Any) -> None:
    topology = read(epyc)
    assert {cpu.socket for cpu in topology.cpus} == {0, 1}
    assert len({cpu.core for cpu in topology.cpus}) == 64
    assert topology.cpus[65].siblings == (1, 65)
    assert topology.smt_active


def test_an_offline_cpu_has_no_place(machine: Any) -> None:
    topology = read(machine.build({0: [(0, 2), (1, 3)]}, offline=[3]))
    assert topology.cpus[3] == (3, None, None, None, False, ())
    assert topology.cpus[1].siblings == (1,)
    assert topology.online == [0, 1, 2]


def test_numbers_of_nodes_may_have_gaps_and_nodes_may_lack_cpus(machine: Any) -> None:
    topology = read(machine.build({0: [(0,)], 4: [(1,)], 7: []}, memory_mib={0: 1024, 4: 1024, 7: 4096}))
    assert [(node.node, node.cpus) for node in topology.nodes] == [(0, (0,)), (4, (1,)), (7, ())]


def test_memory_that_a_capture_lacks_is_unknown(machine: Any) -> None:
    assert read(machine.build({0: [(0,)]})).nodes[0].memory_kib is None


def test_a_kernel_without_numa_is_one_node(single: Any) -> None:
    topology = read(single)
    assert topology.nodes == ((0, (0,), 2097152),)
    assert topology.possible == 1


def test_efficiency_cores_are_told_apart(laptop: Any) -> None:
    assert read(laptop).slow_cpus == tuple(range(8, 16))


def test_efficiency_cores_are_told_apart_by_capacity(machine: Any) -> None:
    machine.build({0: [(0,), (1,), (2,)]})
    for cpu, capacity in enumerate((1024, 1010, 446)):
        machine.write(f"sys/devices/system/cpu/cpu{cpu}/cpu_capacity", capacity)
    assert read(machine).slow_cpus == (2,)


def test_a_tree_without_cpus_is_refused(machine: Any) -> None:
    machine.write("proc/cpuinfo", "")
    with pytest.raises(ValueError, match="no CPU"):
        read(machine)


def test_this_machine_can_be_read() -> None:
    topology = read_topology(Files("/"))
    assert topology.online
    assert all(node.memory_kib is not None for node in topology.nodes)
