from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from host_intent import CAPABILITIES, INTENT, read_intent
from host_plan import PROFILES
from hypothesis import given
from hypothesis import strategies as st

Profile = Callable[[str], dict[str, Any]]


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_gives_every_variable_a_readable_value(name: str, profile: Profile) -> None:
    values = profile(name)
    assert set(values) == set(INTENT)
    assert read_intent(values)[1] == []


@pytest.mark.parametrize("name", PROFILES)
def test_a_profile_switches_every_capability(name: str, profile: Profile) -> None:
    assert all(isinstance(profile(name)[f"{capability}_enabled"], bool) for capability in CAPABILITIES)


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("power_turbo", "off", False),
        ("power_turbo", "True", True),
        ("power_turbo", False, False),
        ("huge_pages_2m_per_node", "512", 512),
        ("realtime_rt_throttling_us", "-1", -1),
        ("realtime_memlock_kib", "unlimited", "unlimited"),
        ("realtime_members", "bob,alice", ["alice", "bob"]),
        ("realtime_members", ["bob"], ["bob"]),
        ("power_mitigations", False, "off"),
        ("cpu_isolation_cpus", "2-7, 10", "2-7,10"),
        ("msr_access_allowlist", "0xE7 16", ["0x10", "0xe7"]),
        ("kernels_prefix", "/opt/x/", "/opt/x"),
        ("huge_pages_group", "", ""),
        ("huge_pages_2m_per_node", None, ""),
    ],
)
def test_text_becomes_what_it_means(name: str, text: object, value: object) -> None:
    intent, problems = read_intent({name: text})
    assert problems == []
    assert intent[name] == value
    assert type(intent[name]) is type(value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("power_turbo", "maybe"),
        ("huge_pages_2m_per_node", "1.5"),
        ("huge_pages_2m_per_node", "-1"),
        ("huge_pages_2m_per_node", True),
        ("huge_pages_2m_per_node", [1]),
        ("realtime_rtprio", "100"),
        ("realtime_group", "Root Users"),
        ("realtime_members", ["a b"]),
        ("realtime_members", 5),
        ("cpu_isolation_cpus", "all"),
        ("cpu_isolation_housekeeping_cores_per_node", 0),
        ("power_governor", "fast"),
        ("msr_access_allowlist", "0x100000000"),
        ("kernels_prefix", "opt"),
        ("kernels_prefix", "/opt/../etc"),
    ],
)
def test_a_value_that_no_host_takes_is_a_problem(name: str, value: object) -> None:
    intent, problems = read_intent({name: value})
    assert [(problem["setting"], problem["value"]) for problem in problems] == [(name, value)]
    assert all(problems[0][key] for key in ("allowed", "advice"))
    assert intent[name] == ""


def test_an_unknown_variable_is_a_problem_that_names_the_nearest() -> None:
    problems = read_intent({"cpu_isolation_cpu": "1"})[1]
    assert problems[0]["setting"] == "cpu_isolation_cpu"
    assert "cpu_isolation_cpus" in problems[0]["advice"]


def test_all_wrong_values_come_at_once() -> None:
    values = {"power_turbo": "x", "realtime_rtprio": 1000, "nonsense": 1, "huge_pages_thp": "often"}
    assert {problem["setting"] for problem in read_intent(values)[1]} == set(values)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(st.sampled_from(sorted(INTENT)), JSON)
def test_any_value_is_read_or_refused(name: str, value: object) -> None:
    intent, problems = read_intent({name: value})
    assert intent[name] == "" or problems == []


@given(st.sampled_from(sorted(INTENT)), JSON)
def test_a_value_once_read_reads_as_itself(name: str, value: object) -> None:
    once = read_intent({name: value})[0]
    assert read_intent(once) == (once, [])
