"""What strace wrote becomes commands, agents and ranks."""

from __future__ import annotations

from tcp_performance import recorder

LOG = """\
10 100.000000 execve("/usr/bin/sh", ["sh", "-c", "make \\"all\\""], 0x7ffc /* 3 vars */) = 0
10 100.100000 vfork( <unfinished ...>
11 100.200000 execve("/usr/local/bin/make", ["make", "all"], 0x55 /* 3 vars */) = -1 ENOENT (No such file or directory)
11 100.300000 execve("/usr/bin/make", ["make", "all"], 0x55 /* 3 vars */ <unfinished ...>
10 100.300001 <... vfork resumed>) = 11
11 100.400000 <... execve resumed>) = 0
11 100.500000 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x7f) = 12
12 100.600000 execve("/usr/bin/cc", ["cc", "-O3", "--version"], 0x55 /* 4 vars */) = 0
12 100.700000 +++ exited with 0 +++
""".splitlines()


def test_commands_are_those_that_were_started() -> None:
    events = recorder.executions(LOG)
    assert [(event.name, event.parent, event.depth) for event in events] == [
        ("sh", 10, 0),
        ("make", 10, 1),
        ("cc", 11, 2),
    ]
    assert [event.missed for event in events] == [0, 1, 0]
    assert events[2].arguments == ["-O3", "--version"]
    assert events[2].variables == 4


def test_a_line_has_agent_name_and_features_and_no_argument() -> None:
    lines = recorder.lines(recorder.executions(LOG))
    fields = [line.rstrip("\n").split("\t") for line in lines]
    assert [field[:2] for field in fields] == [["0", "sh"], ["0", "make"], ["1", "cc"]]
    assert all(len(bytes.fromhex(field[2])) == recorder.FEATURES for field in fields)


def test_a_feature_is_the_rank_among_all() -> None:
    assert recorder.ranks([[1.0], [5.0], [5.0], [9.0]]) == [
        bytes([32]),
        bytes([128]),
        bytes([128]),
        bytes([223]),
    ]
