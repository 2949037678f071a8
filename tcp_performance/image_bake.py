"""Runs `docker buildx bake`, shows what happens as it happens, and adds up what each stage cost."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

# Plain progress: "#12 [mkl runtime 2/3] RUN ..." names a step, "#12 4.2 text" is its output.
NAMED = re.compile(r"#(\d+) \[(?:(?P<target>\S+) )?(?P<stage>\S+) +\d+/\d+\] (?P<what>.*)")
ENDED = re.compile(r"#(\d+) (?:DONE (?P<seconds>[\d.]+)s|(?P<cached>CACHED)|(?P<error>ERROR)\b.*|CANCELED)$")
OUTPUT = re.compile(r"#(\d+) [\d.]+ (?P<text>.*)")
WORTH_SHOWING = re.compile(r"TASK \[|FAILED|fatal:|error:|\d+% tests passed|^\d+ passed|backend ")


@dataclass
class Step:
    """One instruction of the Dockerfile, in one stage."""

    stage: str
    what: str
    seconds: float = 0.0
    state: str = "running"  # then done, cached or failed
    output: list[str] = field(default_factory=list)


class Progress:
    """Reads the plain progress line by line."""

    def __init__(self) -> None:
        self.steps: dict[str, Step] = {}

    def read(self, line: str) -> str | None:
        """Take one line in; returns what a person should see of it, or None."""
        if named := NAMED.match(line):
            number = named[1]
            if number in self.steps:
                return None
            self.steps[number] = Step(named["stage"], named["what"])
            return f"{named['stage']}: {named['what'][:90]}"
        if ended := ENDED.match(line):
            return self.end(ended)
        if output := OUTPUT.match(line):
            return self.tell(output[1], output["text"])
        return None

    def end(self, ended: re.Match[str]) -> str | None:
        step = self.steps.get(ended[1])
        if step is None or step.state != "running":
            return None
        if ended["cached"]:
            step.state = "cached"
            return None
        step.state = "failed" if ended["error"] else "done"
        step.seconds = float(ended["seconds"] or 0)
        return f"{step.stage}: {step.state} in {step.seconds:.1f} s" if step.state == "done" else None

    def tell(self, number: str, text: str) -> str | None:
        step = self.steps.get(number)
        if step is None:
            return None
        step.output.append(text)
        return f"{step.stage}:   {text.strip(' *')[:100]}" if WORTH_SHOWING.search(text) else None

    def costs(self) -> dict[str, tuple[float, int, int]]:
        """For each stage: seconds, steps that ran, steps taken from the cache."""
        stages: dict[str, tuple[float, int, int]] = {}
        for step in self.steps.values():
            seconds, ran, cached = stages.get(step.stage, (0.0, 0, 0))
            is_cached = step.state == "cached"
            stages[step.stage] = (seconds + step.seconds, ran + (not is_cached), cached + is_cached)
        return stages

    def failure(self) -> Step | None:
        """The step that ended the build, the one with something to say first."""
        failed = [step for step in self.steps.values() if step.state == "failed"]
        return max(failed, key=lambda step: len(step.output), default=None)


def bake(command: list[str], environment: dict[str, str], folder: Path, log: Path) -> tuple[int, Progress]:
    """Run bake in `folder`; its whole output goes to `log`, what matters of it to the terminal."""
    progress = Progress()
    log.parent.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    with log.open("w") as file, process:
        assert process.stdout is not None
        for line in process.stdout:
            file.write(line)
            shown = progress.read(line.rstrip())
            if shown:
                print(shown, file=sys.stderr, flush=True)
    return process.returncode, progress
