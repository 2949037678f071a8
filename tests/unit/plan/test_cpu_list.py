from __future__ import annotations

import pytest
from cpu_list import HIGHEST, format_cpus, format_mask, parse_cpus, parse_mask
from hypothesis import given
from hypothesis import strategies as st

CPUS = st.sets(st.integers(0, 300))


@given(CPUS)
def test_a_list_reads_back(cpus: set[int]) -> None:
    assert parse_cpus(format_cpus(cpus)) == cpus


@given(CPUS, st.integers(301, 400))
def test_a_mask_reads_back(cpus: set[int], size: int) -> None:
    assert parse_mask(format_mask(cpus, size)) == cpus


@given(CPUS.filter(bool))
def test_a_list_has_one_item_a_run(cpus: set[int]) -> None:
    starts = [cpu for cpu in cpus if cpu - 1 not in cpus]
    assert len(format_cpus(cpus).split(",")) == len(starts)


@pytest.mark.parametrize(
    ("text", "cpus"), [("", set()), (" 3 ", {3}), ("0-2, 5", {0, 1, 2, 5}), ("1,1-2", {1, 2})]
)
def test_lists_as_the_kernel_prints_them(text: str, cpus: set[int]) -> None:
    assert parse_cpus(text) == cpus


@pytest.mark.parametrize("text", ["a", "3-1", "1-", "-1", "1,,2", "1--2", "0x3", f"0-{HIGHEST + 1}", "¹"])
def test_what_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no"):
        parse_cpus(text)


@pytest.mark.parametrize(
    ("cpus", "size", "mask"),
    [
        ({0}, 2, "1"),
        ({0, 2}, 8, "05"),
        ({0, 33}, 64, "00000002,00000001"),
        ({0}, 40, "00,00000001"),
        (set(), 4, "0"),
    ],
)
def test_masks_look_as_the_kernel_prints_them(cpus: set[int], size: int, mask: str) -> None:
    assert format_mask(cpus, size) == mask
