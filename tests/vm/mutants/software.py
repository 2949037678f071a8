"""Programs and libraries: gone, too old, another one, without what is wanted of them."""

from __future__ import annotations

from collections.abc import Iterator

from tests.host.settings import request
from tests.host.state import State
from tests.host.verdict import Setting, Subject
from tests.vm.mutants.model import Mutant
from tests.vm.mutants.shell import program, quote, remove

# Before every other folder in the collectors' path.
FIRST = "/usr/local/sbin"
OLD = "echo 'gcc 2.6, clang version 2.6, cmake version 2.6, perf version 2.6, 2.6'"


def folder(state: State) -> str:
    prefix = state.plan["intent"].get("kernels_prefix") or "/opt/tcp-performance"
    return f"{prefix}/lib"


def no_library(state: State) -> str:
    """Neither of the names is left by which programs find the library."""
    return "; ".join(remove(f"{folder(state)}/{name}") for name in ("libtcpk.so", "libtcpk.so.0"))


def commands(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    name, known = subject[1], request()["commands"]
    argv = known[name]["argv"]
    if argv[0].startswith("/"):
        # It is the system's Python: what it runs is broken, not the interpreter.
        yield Mutant("fails", no_library(state), also=("kernels.*",))
    else:
        shared = [other for other, command in known.items() if command["argv"][0] == argv[0]]
        also = f"{setting.role}.*" if len(shared) > 1 else f"{setting.role}.openmp.{name}"
        yield Mutant("gone", without(argv[0]), also=(also,))


def without(command: str) -> str:
    """Take a command away, however many names and folders it has."""
    gone = 'for found in $(which -a %s); do spare "$found"; rm -f "$found"; done'
    return gone % command


def dkms(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    _, package, version = subject
    release = state.value("/proc/sys/kernel/osrelease")
    for what, said in (
        ("built for another kernel", f"{package}/{version}, 6.1.0-1-none, x86_64: installed"),
        ("built, not installed", f"{package}/{version}, {release}, x86_64: built"),
        ("not known", ""),
    ):
        yield Mutant(what, program(f"{FIRST}/dkms", f"#!/bin/sh\necho {quote(said)}"))


def versions(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    name = subject[1]
    also = (f"{setting.role}.openmp.{name}",)
    yield Mutant("too old", program(f"{FIRST}/{name}", f"#!/bin/sh\n{OLD}"), also=also)


def openmp(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    name = subject[1]
    found = f"/usr/bin/{name}"
    refuse = f'#!/bin/sh\ncase "$*" in *-fopenmp*) exit 1;; esac\nexec {found} "$@"'
    ignore = (
        "#!/bin/sh\nfor word do shift; "
        f'[ "$word" = -fopenmp ] || set -- "$@" "$word"; done\nexec {found} "$@" -Wno-unknown-pragmas'
    )
    yield Mutant("does not compile", program(f"{FIRST}/{name}", refuse))
    yield Mutant("one thread", program(f"{FIRST}/{name}", ignore))


def blas(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    loaded = state.raw["blas"]["output"].splitlines()
    lapack = next((path for path in loaded if "liblapack.so" in path), loaded[0])
    alternative = 'for name in /etc/alternatives/%s.so.3-*; do spare "$name"; %s; done'
    yield Mutant("none", alternative % ("libblas", 'rm -f "$name"'), also=("kernels.*",))
    copy = "$store/other/liblapack.so.3"
    another = f'mkdir -p $store/other; cp {lapack} {copy}; ln -sfn {copy} "$name"'
    yield Mutant("LAPACK of another", alternative % ("liblapack", another), also=("kernels.*",))


def python(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    name = subject[1]
    hidden = f"$store/hidden-{name}"
    hide = (
        f"for found in {folder(state)}/python3/tcpkernels/_{name}_backend*; do "
        f'mv "$found" "{hidden}"; later "mv {hidden} $found"; done'
    )
    # numpy stands behind the others; of ctypes the variant is asked.
    also = {"cython": ("kernels.self_test",), "ctypes": ("kernels.self_test", "kernels.variant")}
    yield Mutant("does not import", hide, also=also.get(name, ("kernels.self_test", "kernels.backend.*")))


def variant(setting: Setting, subject: Subject, state: State) -> Iterator[Mutant]:
    path = f"{folder(state)}/libtcpk.so"
    yield Mutant(
        "not a library", f"{remove(path)}; echo none >{path}", also=("kernels.self_test", "kernels.backend.*")
    )


MAKERS = {
    "blas": blas,
    "commands": commands,
    "dkms": dkms,
    "openmp": openmp,
    "python": python,
    "variant": variant,
    "versions": versions,
}
