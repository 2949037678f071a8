"""Self-test of installed kernels: the command and every Python backend agree on a registry that is made here.

Exit 0 when they do; else 1, and the last line says what differs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

COMMAND = "tcp_behavioral_engine"
BACKENDS = ("cython", "ctypes", "numpy")

# Run once in each backend: writes the registry it makes, and prints what it computes.
PROGRAM = """
import sys
import numpy as np
import tcpkernels as tcp
risks = ["SAFE", "LOW", "MEDIUM", "HIGH", "CRITICAL"]
names = ["command-%d" % number for number in range(1000)]
registry = tcp.Registry.from_commands(names, lambda name: risks[int(name[8:]) % 5], time=0)
registry.save(sys.argv[1])
table = tcp.LookupTable(registry)
keys = np.append(registry.keys, np.uint64(1))
features = np.random.default_rng(1).integers(0, 256, (1000, 24), dtype=np.uint8)
print(tcp.info()["backend"])
print(np.bincount(table.decide_many(keys)).tolist(), tcp.window_scan(features, 3600))
"""


def compute(backend: str, registry: Path) -> list[str]:
    """What one backend has to say: its own name, and its figures."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(registry)],
        env=dict(os.environ, TCPK_BACKEND=backend),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "nothing said").splitlines()[-1]
        sys.exit(f"backend {backend} does not work, exit {done.returncode}: {said}")
    return done.stdout.splitlines()


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="tcp-performance-") as name:
        registries = {backend: Path(name, backend) for backend in BACKENDS}
        figures = {backend: compute(backend, path) for backend, path in registries.items()}
        for backend in BACKENDS:
            if figures[backend][0] != backend:
                sys.exit(f"asked for backend {backend}, got {figures[backend][0]}")
            if figures[backend][1:] != figures["numpy"][1:]:
                sys.exit(f"{backend} computes {figures[backend][1:]}, numpy {figures['numpy'][1:]}")
            if registries[backend].read_bytes() != registries["numpy"].read_bytes():
                sys.exit(f"{backend} writes another registry than numpy")
        whole = registries["numpy"]
        done = subprocess.run([COMMAND, "validate", "--registry", str(whole)], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{COMMAND} refuses a valid registry: {(done.stdout + done.stderr).strip()}")
        damaged = Path(name, "damaged")
        damaged.write_bytes(whole.read_bytes()[:-1])
        done = subprocess.run([COMMAND, "validate", "--registry", str(damaged)], capture_output=True)
        if done.returncode not in (1, 2):
            sys.exit(f"{COMMAND} takes a truncated registry, exit {done.returncode}")
    print("the command and the backends agree")


if __name__ == "__main__":
    main()
