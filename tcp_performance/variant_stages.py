"""The stages of ./invoke test for instruction sets that the controller may lack: NEON in qemu-user, AVX-512 in bochs.

In both, and for AVX2 on this CPU, a wrong constant in any kernel must make the same tests fail.
"""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from invoke import Exit

from tcp_performance import emulated_cpu, kernels_build, variant_mutants
from tcp_performance.emulated_cpu import EmulatedMachine, Ended
from tcp_performance.kernels_build import KERNELS
from tcp_performance.playbooks import BUILD
from tcp_performance.stage_steps import Skipped, shell
from tcp_performance.unpacked_packages import Packages
from tcp_performance.variant_mutants import MUTATIONS, Mutation

NEON_PACKAGES = (
    "gcc-aarch64-linux-gnu",
    "g++-aarch64-linux-gnu",
    "libc6-dev-arm64-cross",
    "qemu-user",  # the emulator
)
# Of the target, unpacked into a folder: dpkg of the controller need not know another architecture.
NEON_TARGET_PACKAGES = ("libcmocka-dev", "libcmocka0", "libblas3", "liblapack3", "libgfortran5")
NEON_PROGRAMS = "^(test_|generate_registry|command_(validate|variant|unknown_variant))"

# Programs in which variants are compared, or the best one is used.
AGREEMENT = ("test_scan", "test_window", "test_baseline", "test_network")
USING = ("test_engine", "test_variant")
MODELS = {"corei7_skylake_x": False, "corei7_icelake_u": True}
"""Emulated CPUs with AVX-512, without and with VNNI."""
# Its constant is wrong in the path with VNNI alone, which shows where that is taken.
WRONG_VNNI = "LD_LIBRARY_PATH=/vnni:/lib /programs.d/test_scan"
WITHOUT_VNNI = "/scan_u8_avx512.c"
# On an idle core a machine takes a minute or two; beside other stages several times that.
MOST_SECONDS = 1500.0


def judge_mutants(variant: str, outputs: dict[str, str], mutations: list[Mutation]) -> None:
    survived = variant_mutants.survivors(mutations, outputs, variant)
    if survived:
        raise Exit("\n  ".join(("no test objected to:", *survived)), code=1)
    print(f"{variant}: wrong constants found, kernels: {len(mutations)} of {len(mutations)}", flush=True)


def run_mutants(variant: str, build: Path, started: list[str], search: str) -> None:
    """The tests with wrong constants in a variant that can be executed here, `started` by an emulator or nothing."""
    home = variant_mutants.build(MUTATIONS[variant], build, build / "mutants" / variant)
    outputs = {}
    for program in sorted({mutation.program for mutation in MUTATIONS[variant]}):
        path = f"{home}:{search}" if search else str(home)
        command = [word.replace("LD_LIBRARY_PATH=", f"LD_LIBRARY_PATH={path}") for word in started]
        variables = dict(os.environ) if started else dict(os.environ, LD_LIBRARY_PATH=path)
        done = subprocess.run(
            [*command, str(build / "tests" / program)],
            env=variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        outputs[program] = done.stdout
    judge_mutants(variant, outputs, MUTATIONS[variant])


def neon(long: bool) -> None:
    """CTest of every variant of aarch64."""
    if os.uname().machine == "aarch64":
        raise Skipped("this is aarch64: the stage kernels runs NEON itself")
    home = BUILD / "aarch64"
    root = Packages(home, "arm64").unpacked(*NEON_TARGET_PACKAGES)
    build = home / "build"
    options: dict[str, object] = {
        "CMAKE_BUILD_TYPE": "Release",
        "TCPK_TESTS": "ON",
        "CMAKE_TOOLCHAIN_FILE": KERNELS / "cmake/aarch64.cmake",
        "TCPK_SYSROOT": root,
    }
    defined = [f"-D{name}={value}" for name, value in options.items()]
    shell(["cmake", "-S", str(KERNELS), "-B", str(build), "-G", "Ninja", *defined])
    shell(["cmake", "--build", str(build)])
    shell(["ctest", "--test-dir", str(build), "-j2", "--output-on-failure", "-R", NEON_PROGRAMS])
    libraries = root / "usr/lib/aarch64-linux-gnu"
    search = ":".join(str(libraries / part) for part in ("", "blas", "lapack"))
    emulator = ["qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-E", "LD_LIBRARY_PATH="]
    run_mutants("neon", build, emulator, search)


def machine_of(model: str, home: Path, build: Path, mutants: dict[str, Path]) -> EmulatedMachine:
    """A machine that runs the tests, and then those with wrong constants."""
    programs = [build / "tests" / name for name in (*AGREEMENT, *USING)] + [build / "tcp_behavioral_engine"]
    files: dict[str, Path | bytes] = {f"/programs.d/{program.name}": program for program in programs}
    files |= emulated_cpu.libraries(programs, home / "root")
    for folder, mutant in mutants.items():
        files[f"/{folder}/libtcpk.so.0"] = mutant / variant_mutants.SONAME
    lines = [f"LD_LIBRARY_PATH=/lib /programs.d/{name}" for name in (*AGREEMENT, *USING)]
    lines.append("LD_LIBRARY_PATH=/lib /programs.d/tcp_behavioral_engine validate")
    wrong = sorted({mutation.program for mutation in MUTATIONS["avx512"]})
    lines += [f"LD_LIBRARY_PATH=/mutant:/lib /programs.d/{name}" for name in wrong]
    lines.append(WRONG_VNNI)
    return EmulatedMachine(model, home / model, files, lines)


def judge_machine(machine: EmulatedMachine, vnni: bool) -> None:
    """The CPU was the one meant, every program passed in the variant avx512, and no mutant did."""
    told = re.search(r"^cpu: (.*)$", machine.said(), re.MULTILINE)
    wanted = f"XCR0 0xe7, VNNI {int(vnni)}"
    if told is None or told[1] != wanted:
        raise Exit(f"{machine.model}: the CPU is {told and told[1]!r}, not {wanted!r}", code=1)
    runs = machine.ended()
    wrong = {run.line: run for run in runs if "/mutant:" in run.line}
    for run in runs:
        if run.line == WRONG_VNNI and vnni:
            judge_mutants("avx512", {"test_scan": run.output}, MUTATIONS["avx512 with VNNI"])
        elif run.line not in wrong:  # and where there is no VNNI its path is not taken
            judge_run(machine.model, run)
    outputs = {Path(line.split()[-1]).name: run.output for line, run in wrong.items()}
    # With VNNI nobody comes to the scan that does without.
    taken = [
        mutation for mutation in MUTATIONS["avx512"] if not (vnni and mutation.file.endswith(WITHOUT_VNNI))
    ]
    judge_mutants("avx512", outputs, taken)


def judge_run(model: str, run: Ended) -> None:
    program = Path(run.line.split()[1]).name
    used = {"tcp_behavioral_engine": "avx512 (in use)"}
    used |= dict.fromkeys(AGREEMENT, "variant avx512\n")
    if run.end != "exit 0":
        raise Exit(f"{model}: {run.line} ended with {run.end}:\n{run.output}", code=1)
    if used.get(program, "") not in run.output:
        raise Exit(f"{model}: {run.line} did not use the variant avx512:\n{run.output}", code=1)


def avx512(long: bool) -> None:
    """The release build on emulated CPUs. They run where this CPU has AVX-512 too: it is only one of the two kinds."""
    if os.uname().machine != "x86_64":
        raise Skipped(f"this is {os.uname().machine}: its compiler makes no AVX-512 kernels")
    if kernels_build.compile_library("release"):
        raise Exit("the release build failed", code=1)
    build = kernels_build.build_directory("release")
    home = BUILD / "emulated"
    root = Packages(home).unpacked(*emulated_cpu.GUEST_PACKAGES, standing_for=(emulated_cpu.KERNEL,))
    kernel = next((root / "boot").glob("vmlinuz-*"))
    mutants = {
        "mutant": variant_mutants.build(MUTATIONS["avx512"], build, build / "mutants/avx512"),
        "vnni": variant_mutants.build(MUTATIONS["avx512 with VNNI"], build, build / "mutants/vnni"),
    }
    machines = [machine_of(model, home, build, mutants) for model in MODELS]
    for machine in machines:
        machine.make_disc(kernel)
    emulated_cpu.run_all(machines, MOST_SECONDS)
    for machine in machines:
        judge_machine(machine, MODELS[machine.model])
    if "avx2" in here(build):
        run_mutants("avx2", build, [], "")
    else:
        print("this CPU has no AVX2: no wrong constants in its kernels were tried", flush=True)


def here(build: Path) -> list[str]:
    """The variants of this CPU."""
    told = subprocess.run([str(build / "tcp_behavioral_engine"), "validate"], capture_output=True, text=True)
    return told.stdout.partition("; variants ")[2].partition(":")[0].replace(" (in use)", "").split()
