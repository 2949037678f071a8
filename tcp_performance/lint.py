"""The checks of ./invoke lint: sources, formats, generated files. Each one is named, and each one can fail."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from invoke import Exit

from tcp_performance import role_docs
from tcp_performance.playbooks import ROOT, environment

# The target side runs on the host's own Python, with its modules found by bare names: checked apart.
TYPED = (
    (
        "tasks.py",
        "tcp_performance",
        "tests/unit",
        "tests/host",
        "tests/image",
        "tests/page",
        "tests/machine",
        "tests/readme",
        "tests/vm",
    ),
    ("ansible/plugins/module_utils",),
    ("kernels/python/tcpkernels",),
)


def tracked(*patterns: str) -> list[str]:
    """Files git knows or would add, by pattern."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *patterns]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return sorted(name for name in names if name and (ROOT / name).is_file())


def call(*command: str) -> list[str]:
    """What a tool has to say when it fails, nothing when it is content."""
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines() or [f"exit {done.returncode}"] if done.returncode else []


def shell_scripts() -> list[str]:
    def is_shell(name: str) -> bool:
        first = (ROOT / name).open("rb").readline()
        return first.startswith(b"#!") and (b"bash" in first or first.rstrip().endswith(b"sh"))

    return [name for name in tracked() if not name.endswith((".png", ".j2")) and is_shell(name)]


def ruff(fix: bool) -> list[str]:
    return call("ruff", "check", *(["--fix"] if fix else []), ".")


def ruff_format(fix: bool) -> list[str]:
    return call("ruff", "format", *([] if fix else ["--check"]), ".")


def mypy(fix: bool) -> list[str]:
    return [line for paths in TYPED for line in call("mypy", *paths)]


def ansible_lint(fix: bool) -> list[str]:
    return call("ansible-lint", "--offline", "--profile", "production", "-q")


def yamllint(fix: bool) -> list[str]:
    return call("yamllint", "--strict", *tracked("*.yml", "*.yaml"))


def shellcheck(fix: bool) -> list[str]:
    return call("shellcheck", *shell_scripts())


def hadolint(fix: bool) -> list[str]:
    files = [name for name in tracked("*Dockerfile*") if not name.endswith(".dockerignore")]
    return call("hadolint", *files) if files else []


def clang_format(fix: bool) -> list[str]:
    how = ["-i"] if fix else ["--dry-run", "--Werror"]
    return call("clang-format", *how, *tracked("kernels/*.c", "kernels/*.cpp", "kernels/*.h"))


def argument_specs(fix: bool) -> list[str]:
    return [line for role in role_docs.roles() for line in role_docs.disagreements(role)]


def generated(fix: bool) -> list[str]:
    return role_docs.stale(fix)


def no_packages_that_hide_others(fix: bool) -> list[str]:
    """An __init__.py there would hide the PyPI package of the folder's name from everything run at the root."""
    return [
        f"{name} must not exist"
        for name in tracked("docker/__init__.py", "ansible/__init__.py", "molecule/__init__.py")
    ]


def links(fix: bool) -> list[str]:
    """Relative links in the Markdown files that lead nowhere."""
    found = []
    for name in tracked("*.md"):
        text = (ROOT / name).read_text()
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target and not (ROOT / Path(name).parent / target).exists():
                found.append(f"{name}: no file {target}")
    return found


@dataclass(frozen=True)
class Check:
    name: str
    run: Callable[[bool], list[str]]


CHECKS = (
    Check("ruff", ruff),
    Check("ruff-format", ruff_format),
    Check("mypy", mypy),
    Check("ansible-lint", ansible_lint),
    Check("yamllint", yamllint),
    Check("shellcheck", shellcheck),
    Check("hadolint", hadolint),
    Check("clang-format", clang_format),
    Check("argument-specs", argument_specs),
    Check("generated-docs", generated),
    Check("links", links),
    Check("package-names", no_packages_that_hide_others),
)


def run(only: str | None, fix: bool) -> int:
    chosen = [check for check in CHECKS if only in (None, check.name)]
    if not chosen:
        raise Exit(f"--only {only!r}: the checks are {', '.join(check.name for check in CHECKS)}", code=2)
    failed = 0
    for check in chosen:
        findings = check.run(fix)
        failed += bool(findings)
        print(f"{check.name:16} {'failed' if findings else 'ok'}", flush=True)
        for line in findings[:60]:
            print(f"    {line}")
        if len(findings) > 60:
            print(f"    and {len(findings) - 60} lines more: ./invoke lint --only {check.name}")
    print(f"{len(chosen) - failed} checks ok, {failed} failed")
    return 1 if failed else 0
