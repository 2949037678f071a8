"""BLAS, by the library that a process really gets when it loads libblas.so.3."""

from __future__ import annotations

import re
from typing import Iterator

from tests.host.settings.common import Request
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ROLE = "blas"
REQUEST = Request()

# What each choice looks like among the files that the process has mapped.
LOADED = {
    "openblas-serial": r"/openblas-serial/|/libopenblas-r[^/]*\.so",
    "openblas-pthread": r"/openblas-pthread/|/libopenblasp-r[^/]*\.so",
    "openblas-openmp": r"/openblas-openmp/|/libopenblaso-r[^/]*\.so",
    "mkl": r"/libmkl_rt\.so",
}


def provider(output: str) -> str:
    """Which of the known libraries is mapped; the plain paths when it is none of them."""
    for name, pattern in LOADED.items():
        if re.search(pattern, output):
            return name
    paths = sorted({line for line in output.splitlines() if re.search(r"blas|mkl", line)})
    return ", ".join(paths) or "none"


def settings(plan: Plan) -> Iterator[Setting]:
    wanted = plan["intent"].get("blas_library", "")
    if not wanted:
        return

    def judge(state: State) -> Judgement:
        run = State.run(state.raw.get("blas"))
        if run.status:
            return drifted("none", run.said)
        found = provider(run.output)
        if found != wanted:
            return drifted(found, "a process that loads libblas.so.3 gets another library")
        return compliant(found)

    yield Setting(f"{ROLE}.library", ROLE, wanted, judge, (("blas",),))
