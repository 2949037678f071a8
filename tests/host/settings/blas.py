"""BLAS, by the library that a process really gets when it loads libblas.so.3."""

from __future__ import annotations

import re
from typing import Iterator

from tests.host.settings.common import Request
from tests.host.state import Plan, State
from tests.host.verdict import Judgement, Setting, compliant, drifted

ROLE = "blas"
REQUEST = Request()

# The folder tells Debian's builds of OpenBLAS apart; their file names do not (libopenblasp-r*.so in all of them).
LOADED = {
    "openblas-serial": "/openblas-serial/",
    "openblas-pthread": "/openblas-pthread/",
    "openblas-openmp": "/openblas-openmp/",
    "mkl": "/libmkl_",
}


def providers(output: str) -> str:
    """Whose BLAS and LAPACK are mapped: names of the choices above, or paths of what is none of them."""
    found = set()
    for path in output.splitlines():
        if re.search(r"blas|lapack|/libmkl_", path):
            found.add(next((name for name, part in LOADED.items() if part in path), path))
    return ", ".join(sorted(found)) or "none"


def settings(plan: Plan) -> Iterator[Setting]:
    wanted = plan["intent"].get("blas_library", "")
    if not wanted:
        return

    def judge(state: State) -> Judgement:
        run = State.run(state.raw.get("blas"))
        if run.status:
            return drifted("none", run.said)
        found = providers(run.output)
        if found != wanted:
            return drifted(found, "a process that loads libblas.so.3 and liblapack.so.3 gets something else")
        return compliant(found)

    yield Setting(f"{ROLE}.library", ROLE, wanted, judge, (("blas",),))
