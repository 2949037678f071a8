"""Programs of a host, by what they do: compilers compile, BLAS is loaded, the kernels test themselves."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Callable, Dict, List, Tuple

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

OPENMP = """#include <omp.h>
#include <stdio.h>
int main(void) {
    int threads = 0;
#pragma omp parallel num_threads(2) reduction(+ : threads)
    threads += 1;
    return printf("threads %d\\n", threads) < 0;
}
"""

# A kernel that a device runs, for either runtime.
GPU = """#include <stdio.h>
#ifdef __HIPCC__
#include <hip/hip_runtime.h>
#define GPU(name) hip##name
#else
#include <cuda_runtime.h>
#define GPU(name) cuda##name
#endif
__global__ void answer(int *place) { *place = 42; }
int main(void) {
    int *device = 0, host = 0;
    GPU(Error_t) error = GPU(Malloc)((void **)&device, sizeof host);
    if (error == GPU(Success)) {
        answer<<<1, 1>>>(device);
        error = GPU(Memcpy)(&host, device, sizeof host, GPU(MemcpyDeviceToHost));
    }
    if (error != GPU(Success))
        return fprintf(stderr, "%s\\n", GPU(GetErrorString)(error)) < 0 ? 2 : 1;
    return printf("kernel %d\\n", host) < 0;
}
"""

# The library that a program linked with -lblas gets, as the dynamic linker resolves it.
BLAS = """
import ctypes
for name in ("libblas.so.3", "liblapack.so.3"):
    ctypes.CDLL(name)
for line in open("/proc/self/maps"):
    path = line.split(None, 5)[-1].strip()
    if "/" in path:
        print(path)
"""

PYTHON_INFO = """
import json, tcpkernels
print(json.dumps(dict(tcpkernels.info(), file=tcpkernels.__file__), default=str))
"""


Task = Callable[[], Dict[str, Any]]


def collect_programs(request: Dict[str, Any], plan: Dict[str, Any]) -> Dict[str, Any]:
    enabled = plan["capabilities"]
    tasks: Dict[Tuple[str, str], Task] = {}
    for name, command in request["commands"].items():
        if enabled.get(command["role"]):
            tasks["commands", name] = partial(run, command["argv"])
    if enabled.get("toolchain"):
        for compiler in ("gcc", "clang"):
            tasks["openmp", compiler] = partial(openmp, compiler)
    for role, compiler in plan.get("gpu_compilers", {}).items():
        tasks["gpu", role] = partial(gpu, role, compiler, plan["features"]["gpu_" + role]["available"])
    return {"commands": {}, "openmp": {}, "gpu": {}, **all_at_once(tasks)}


def collect_libraries(request: Dict[str, Any], plan: Dict[str, Any]) -> Dict[str, Any]:
    enabled = plan["capabilities"]
    tasks: Dict[Tuple[str, str], Task] = {}
    if enabled.get("kernels"):
        for backend in ("cython", "ctypes", "numpy"):
            tasks["python", backend] = partial(run, [sys.executable, "-c", PYTHON_INFO], TCPK_BACKEND=backend)
    if enabled.get("blas"):
        tasks["", "blas"] = partial(run, [sys.executable, "-c", BLAS])
    return {"python": {}, **all_at_once(tasks)}


def all_at_once(tasks: Dict[Tuple[str, str], Task]) -> Dict[str, Any]:
    """The answers by kind and name, by name where there is no kind: each task waits for programs of its own."""
    found: Dict[str, Any] = {}
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        for (kind, name), answer in zip(tasks, pool.map(lambda task: task(), tasks.values())):
            (found.setdefault(kind, {}) if kind else found)[name] = answer
    return found


def collect_units(request: Dict[str, Any], plan: Dict[str, Any]) -> Dict[str, Any]:
    names = list(request["units"]) + [mount_unit(entry["path"]) for entry in plan["mounts"]]
    return {"units": units(names)}


def run(argv: List[str], **variables: str) -> Dict[str, Any]:
    """Exit status and output of a command; 127 when there is no such command."""
    # What whoever asks has set (TCPK_VARIANT, PYTHONPATH, LD_LIBRARY_PATH) says nothing about the host.
    environment = dict(variables, PATH=PATH, HOME="/root", LC_ALL="C")
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env=environment,
            cwd="/",
            timeout=120,
            check=False,
        )
    except FileNotFoundError:
        return {"status": 127, "output": "", "errors": "there is no %s" % argv[0]}
    except (OSError, subprocess.SubprocessError) as error:
        return {"status": 126, "output": "", "errors": str(error)}
    return {
        "status": done.returncode,
        "output": done.stdout.decode("utf-8", "replace").strip(),
        "errors": done.stderr.decode("utf-8", "replace").strip(),
    }


def openmp(compiler: str) -> Dict[str, Any]:
    """Compile and run a program of two OpenMP threads."""
    if not shutil.which(compiler, path=PATH):
        return {"status": 127, "output": "", "errors": "there is no %s" % compiler}
    folder = tempfile.mkdtemp(prefix="tcp-performance-")
    try:
        source, program = os.path.join(folder, "threads.c"), os.path.join(folder, "threads")
        with open(source, "w", encoding="utf-8") as stream:
            stream.write(OPENMP)
        compiled = run([compiler, "-fopenmp", source, "-o", program])
        return run([program]) if compiled["status"] == 0 else compiled
    finally:
        shutil.rmtree(folder)


def gpu(role: str, compiler: str, device: bool) -> Dict[str, Any]:
    """Compile a program with a kernel; run it where there is a device."""
    # PTX is compiled by the driver for whatever device there is; hipcc asks the device, or is told of one.
    options = {"cuda": ["-x", "cu", "-arch=compute_75"], "rocm": ["-x", "hip"]}[role]
    if role == "rocm" and not device:
        options.append("--offload-arch=gfx90a")
    folder = tempfile.mkdtemp(prefix="tcp-performance-")
    try:
        source, program = os.path.join(folder, "answer.cpp"), os.path.join(folder, "answer")
        with open(source, "w", encoding="utf-8") as stream:
            stream.write(GPU)
        libraries = os.path.join(os.path.dirname(os.path.dirname(compiler)), "lib")
        found = {"compiled": run([compiler, *options, source, "-o", program, "-L" + libraries])}
        if device and found["compiled"]["status"] == 0:
            found["executed"] = run([program])
        return found
    finally:
        shutil.rmtree(folder)


def systemctl(*arguments: str) -> str:
    """What it says. Without an answer nothing is known of any unit, least of all that it is not started at boot."""
    # A busy machine's systemd may take longer than the 25 s that it is given by itself.
    done = run(["systemctl", *arguments], SYSTEMD_BUS_TIMEOUT="100s")
    if done["status"] != 0 and not done["output"]:
        sys.exit("systemctl %s: %s" % (arguments[0], done["errors"] or "exit %d" % done["status"]))
    return str(done["output"])


def mount_unit(path: str) -> str:
    """The name that systemd gives to the unit of a mount."""
    return path[1:].replace("-", "\\x2d").replace("/", "-") + ".mount"


def units(names: List[str]) -> Dict[str, Dict[str, str]]:
    """Whether systemd has each unit, runs it, and starts it at boot; nothing where systemd does not run."""
    if not names or not os.path.isdir("/run/systemd/system"):
        return {}
    shown = systemctl("show", "--property=Id,LoadState,ActiveState", *names)
    # Read from the files as the next boot will; the property UnitFileState is as old as the last reload. All of them: a
    # name would be a pattern here, and a mount's has backslashes.
    listed = systemctl("list-unit-files", "--no-legend", "--no-pager")
    enabled = dict(line.split()[:2] for line in listed.splitlines() if len(line.split()) > 1)
    found = {}
    for block in shown.split("\n\n"):
        fields = dict(line.partition("=")[::2] for line in block.splitlines())
        if "Id" in fields:
            found[fields["Id"]] = {
                "load": fields.get("LoadState", ""),
                "active": fields.get("ActiveState", ""),
                "enabled": enabled.get(fields["Id"], ""),
            }
    return found
