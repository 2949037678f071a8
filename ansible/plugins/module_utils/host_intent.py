"""What a user may ask of a host: every variable, what it may hold, and how its text is read.

The table INTENT is the single list. An empty string, in any variable, means "leave the host alone".
Values may be text, because `-e KEY=VALUE` and `--set KEY=VALUE` hand over nothing else.
"""

from __future__ import annotations

import re
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple

CAPABILITIES: Tuple[str, ...] = (
    "toolchain",
    "blas",
    "cpu_isolation",
    "irq_affinity",
    "huge_pages",
    "realtime",
    "numa",
    "power",
    "msr_access",
    "memory_bandwidth",
    "perf_tools",
    "cuda",
    "rocm",
    "zero_copy",
    "kernels",
    "report",
)

_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")
# useradd's own rule, without the trailing $ of Samba machine accounts.
_NAME = re.compile(r"[a-z_][a-z0-9_-]{0,31}")


class Rejected(ValueError):
    """A value that no host could take; `allowed` and `advice` say what it should have been."""

    def __init__(self, allowed: str, advice: str) -> None:
        super().__init__(allowed)
        self.allowed = allowed
        self.advice = advice


class Variable(NamedTuple):
    """One intent variable: what it holds in words, and the function that reads it."""

    allowed: str
    read: Callable[[Any], Any]


def _boolean() -> Variable:
    def read(value: Any) -> Any:
        if isinstance(value, bool):
            return value
        text = str(value).strip().lower()
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        raise Rejected("true or false", "write true or false, or nothing to leave the host alone")

    return Variable("true or false", read)


def _integer(low: int, high: Optional[int] = None, words: Tuple[str, ...] = ()) -> Variable:
    allowed = "%d or more" % low if high is None else "%d to %d" % (low, high)
    allowed = " or ".join(("a whole number, " + allowed, *words))

    def read(value: Any) -> Any:
        text = str(value).strip()
        if text in words:
            return text
        if isinstance(value, bool) or not re.fullmatch(r"[+-]?[0-9]+", text):
            raise Rejected(allowed, "write it without unit or fraction")
        number = int(text)
        if number < low or (high is not None and number > high):
            raise Rejected(allowed, "choose a value inside the range")
        return number

    return Variable(allowed, read)


def _power_of_two(low: int, high: int) -> Variable:
    allowed = "a power of two, %d to %d" % (low, high)

    def read(value: Any) -> Any:
        text = str(value).strip()
        number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) and not isinstance(value, bool) else 0
        if not low <= number <= high or number & (number - 1):
            raise Rejected(allowed, "choose %d, %d, ... %d" % (low, 2 * low, high))
        return number

    return Variable(allowed, read)


def _choice(*words: str) -> Variable:
    def read(value: Any) -> Any:
        # YAML reads a bare `off` or `on` as a boolean.
        text = {False: "off", True: "on"}[value] if isinstance(value, bool) else str(value).strip()
        if text not in words:
            raise Rejected(", ".join(words), "choose one of these words")
        return text

    return Variable(", ".join(words), read)


def _name() -> Variable:
    def read(value: Any) -> Any:
        if not isinstance(value, str) or not _NAME.fullmatch(value.strip()):
            raise Rejected("a POSIX group name", "use lower-case letters, digits, - and _, 32 at most")
        return value.strip()

    return Variable("a POSIX group name", read)


def _items(value: Any) -> List[str]:
    parts = value.replace(",", " ").split() if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise Rejected("a list", "write a YAML list, or the items separated by commas")
    return [str(part).strip() for part in parts]


def _names() -> Variable:
    def read(value: Any) -> Any:
        names = _items(value)
        bad = [name for name in names if not _NAME.fullmatch(name)]
        if bad:
            raise Rejected("a list of user names", "%s is no user name" % ", ".join(repr(n) for n in bad))
        return sorted(set(names))

    return Variable("a list of user names", read)


def _registers() -> Variable:
    def read(value: Any) -> Any:
        numbers = set()
        for item in _items(value):
            try:
                number = int(item, 0)
            except ValueError:
                number = -1
            if not 0 <= number <= 0xFFFFFFFF:
                raise Rejected("register numbers, 0x0 to 0xffffffff", "%r is no register number" % item)
            numbers.add(number)
        return ["0x%x" % number for number in sorted(numbers)]

    return Variable("a list of register numbers, 0x0 to 0xffffffff", read)


def _cpus() -> Variable:
    allowed = "auto, none, or a CPU list such as 2-7,10"

    def read(value: Any) -> Any:
        text = str(value).strip()
        if text in ("auto", "none"):
            return text
        # Whether those CPUs exist is the planner's question; here only the form is judged.
        if isinstance(value, bool) or not re.fullmatch(r"[0-9]+(-[0-9]+)?(\s*,\s*[0-9]+(-[0-9]+)?)*", text):
            raise Rejected(allowed, "separate numbers and ranges by commas")
        return re.sub(r"\s", "", text)

    return Variable(allowed, read)


def _path() -> Variable:
    def read(value: Any) -> Any:
        text = str(value).strip()
        if not re.fullmatch(r"/[A-Za-z0-9._/+-]+", text) or ".." in text.split("/"):
            raise Rejected("an absolute path", "use letters, digits and . _ + - between the slashes")
        return text.rstrip("/")

    return Variable("an absolute path", read)


INTENT: Dict[str, Variable] = {"%s_enabled" % capability: _boolean() for capability in CAPABILITIES}
INTENT.update(
    {
        "blas_library": _choice("openblas-serial", "openblas-pthread", "openblas-openmp", "mkl"),
        "cpu_isolation_cpus": _cpus(),
        "cpu_isolation_housekeeping_cores_per_node": _integer(1),
        "irq_affinity_cpus": _cpus(),
        "irq_affinity_ban_irqbalance": _boolean(),
        "huge_pages_2m_per_node": _integer(0),
        "huge_pages_1g_per_node": _integer(0),
        "huge_pages_reserve_mib": _integer(0),
        "huge_pages_thp": _choice("always", "madvise", "never"),
        "huge_pages_ksm": _boolean(),
        "huge_pages_group": _name(),
        "huge_pages_members": _names(),
        "realtime_rtprio": _integer(1, 99),
        "realtime_memlock_kib": _integer(64, words=("unlimited",)),
        "realtime_nice": _integer(-20, 19),
        "realtime_group": _name(),
        "realtime_members": _names(),
        "realtime_rt_throttling_us": _integer(-1, 1000000),
        "realtime_preempt_rt_kernel": _boolean(),
        "numa_balancing": _boolean(),
        "numa_zone_reclaim_mode": _integer(0, 7),
        "numa_swappiness": _integer(0, 200),
        "power_governor": _choice("performance", "powersave", "schedutil", "ondemand", "conservative"),
        "power_epp": _choice("performance", "balance_performance", "default", "balance_power", "power"),
        "power_cstate_latency_us": _integer(0, 1000000),
        "power_turbo": _boolean(),
        "power_smt": _boolean(),
        "power_watchdogs": _boolean(),
        "power_timer_migration": _boolean(),
        "power_mitigations": _choice("off", "auto", "auto,nosmt"),
        "msr_access_group": _name(),
        "msr_access_members": _names(),
        "msr_access_allowlist": _registers(),
        "memory_bandwidth_cat_ways": _integer(1, 32, words=("auto",)),
        "memory_bandwidth_mba_percent": _integer(1, 100),
        "perf_tools_paranoid": _integer(-1, 4),
        "perf_tools_group": _name(),
        "perf_tools_members": _names(),
        "cuda_source": _choice("vendor", "distribution", "pypi"),
        "cuda_container_toolkit": _boolean(),
        "rocm_source": _choice("vendor", "distribution"),
        "zero_copy_slots": _power_of_two(64, 1 << 24),
        "zero_copy_group": _name(),
        "zero_copy_members": _names(),
        "kernels_prefix": _path(),
    }
)

Problem = Dict[str, Any]


def read_intent(values: Dict[str, Any]) -> Tuple[Dict[str, Any], List[Problem]]:
    """Read every value of an intent; return it typed, and one problem for each that cannot be read.

    A variable that is missing or unreadable comes back as "", so that the rest can still be judged.
    """
    intent: Dict[str, Any] = {}
    problems: List[Problem] = []
    for name in sorted(set(values) - set(INTENT)):
        problems.append(
            {
                "setting": name,
                "value": values[name],
                "allowed": "a known variable",
                "advice": "see ansible/profiles/ for the variables there are" + _nearest(name),
            }
        )
    for name in sorted(INTENT):
        value = values.get(name, "")
        intent[name] = ""
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        try:
            intent[name] = INTENT[name].read(value)
        except Rejected as rejected:
            problems.append(
                {"setting": name, "value": value, "allowed": rejected.allowed, "advice": rejected.advice}
            )
    return intent, problems


def _nearest(name: str) -> str:
    import difflib

    near = difflib.get_close_matches(name, INTENT, n=1, cutoff=0.7)
    return "; did you mean %s?" % near[0] if near else ""
