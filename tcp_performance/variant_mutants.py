"""Copies of the library in which one variant's constants are wrong: a test must object to each of its kernels."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from invoke import Exit

from tcp_performance.kernels_build import KERNELS

SONAME = "libtcpk.so.0"


@dataclass(frozen=True)
class Mutation:
    """A constant of a kernel's file, and the test that a wrong one fails."""

    file: str
    constant: str
    wrong: str
    program: str
    test: str


def _mutations(
    variant: str, folder: str, scan_u8: str, scan_f32: str, distances: str, votes: str
) -> list[Mutation]:
    """One mutation of each kernel, each as "constant -> wrong one"."""
    caught = {
        "scan_u8": (scan_u8, "test_scan", "scan_u8_is_exact"),
        "scan_f32": (scan_f32, "test_scan", "scan_f32_has_the_same_bits_in_every_variant"),
        "distances": (distances, "test_baseline", "score_is_the_definition_and_the_same_in_every_variant"),
        "votes": (votes, "test_network", "consensus_passes_at_the_fewest_votes"),
    }
    made = []
    for kernel, (change, program, test) in caught.items():
        constant, wrong = change.split(" -> ")
        made.append(Mutation(f"src/{folder}/{kernel}_{variant}.c", constant, wrong, program, test))
    return made


MUTATIONS = {
    "avx2": _mutations(
        "avx2",
        "x86",
        scan_u8="it.c, 0x21) -> it.c, 0x20)",
        scan_f32="b, 0x31) -> b, 0x30)",
        distances="baseline + 4 * i -> baseline + 3 * i",
        votes="i += 32 -> i += 31",
    ),
    "avx512": _mutations(
        "avx512",
        "x86",
        scan_u8="#define PACKED_B packed_four -> #define PACKED_B(rows) packed_four((rows) + 1)",
        scan_f32="third, 0x4e -> third, 0x4f",
        distances="pairs, 0x55 -> pairs, 0x54",
        votes="i += 64 -> i += 63",
    ),
    "avx512 with VNNI": [
        Mutation("src/x86/scan_u8_vnni_avx512.c", "b, 0xdd", "b, 0xdc", "test_scan", "scan_u8_is_exact")
    ],
    "neon": _mutations(
        "neon",
        "arm",
        scan_u8="vld1_u8(row + 16) -> vld1_u8(row + 15)",
        scan_f32="vld1q_f32(row + 8) -> vld1q_f32(row + 9)",
        distances="baseline + 4 * i -> baseline + 3 * i",
        votes="vdupq_n_u8(1) -> vdupq_n_u8(2)",
    ),
}


def build(mutations: Iterable[Mutation], directory: Path, folder: Path) -> Path:
    """The library of a build (Ninja's) with these mutations; `folder` is where the loader finds it."""
    folder.mkdir(parents=True, exist_ok=True)
    library = (directory / SONAME).resolve().name
    tell = ["ninja", "-C", str(directory), "-t", "commands", library]
    commands = subprocess.run(tell, capture_output=True, text=True, check=True).stdout.splitlines()
    link = next(line for line in commands if f"-o {library} " in line)
    link = link.replace(f"-o {library} ", f"-o {shlex.quote(str(folder / SONAME))} ")
    made = []
    for mutation in mutations:
        source = KERNELS / mutation.file
        text = source.read_text()
        if mutation.constant not in text:
            raise Exit(f"{source} has no {mutation.constant!r} to make wrong", code=1)
        mutant = folder / source.name
        mutant.write_text(text.replace(mutation.constant, mutation.wrong))
        compiled = next(line for line in commands if line.endswith(f"-c {source}"))
        words = shlex.split(compiled)
        thing = words[words.index("-o") + 1]
        changed = compiled.replace(thing, str(mutant.with_suffix(".o"))).replace(
            f"-c {source}", f"-c {mutant}"
        )
        made.append(f"{changed} -iquote {shlex.quote(str(source.parent))}")
        link = link.replace(f" {thing} ", f" {mutant.with_suffix('.o')} ")
    for command in [*made, link]:
        done = subprocess.run(command, shell=True, cwd=directory, capture_output=True, text=True)
        if done.returncode:
            raise Exit(f"{command} ended with {done.returncode}:\n{done.stderr}", code=1)
    return folder


def survivors(mutations: Iterable[Mutation], outputs: dict[str, str], variant: str) -> list[str]:
    """Mutations that no test objected to, or not because of that variant; `outputs` by program."""
    found = []
    for mutation in mutations:
        output = outputs.get(mutation.program, "")
        before, failed, _ = output.partition(f"[  FAILED  ] {mutation.test}\n")
        tried = [line.split()[-1] for line in before.splitlines() if line.startswith("variant ")]
        if not failed or tried[-1:] != [variant]:
            found.append(
                f"{mutation.file}: {mutation.wrong!r} for {mutation.constant!r}: {mutation.test} passed"
            )
    return found
