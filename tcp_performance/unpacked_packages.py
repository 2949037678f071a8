"""Packages of the distribution unpacked into a folder: of another architecture, or too much to install for a test."""

from __future__ import annotations

import subprocess
from pathlib import Path

from invoke import Exit

from tcp_performance.stage_steps import shell


class Packages:
    """The distribution's packages, for this architecture or for another one.

    Another one's lists lie in the folder too, so that apt and dpkg of this machine need not know of it.
    """

    def __init__(self, home: Path, architecture: str | None = None) -> None:
        self.home = home
        self._debs = home / "packages"
        state = home / "apt"
        self._options: dict[str, object] = {}
        if architecture:
            self._options = {
                "APT::Architecture": architecture,
                "APT::Architectures": architecture,
                "APT::Sandbox::User": "root",
                "Dir::State": state / "state",
                "Dir::State::status": state / "state/status",
                "Dir::Cache": state / "cache",
            }
            for folder in (state / "state/lists/partial", state / "cache/archives/partial"):
                folder.mkdir(parents=True, exist_ok=True)
            (state / "state/status").touch()

    def _apt(self, command: str, *arguments: str) -> str:
        words = [word for name, value in self._options.items() for word in ("-o", f"{name}={value}")]
        done = subprocess.run(
            [command, "-q", *words, *arguments], cwd=self._debs, stdout=subprocess.PIPE, text=True
        )
        if done.returncode:
            told = f"{' '.join((command, *arguments))} ended with {done.returncode}"
            raise Exit(f"{told}; its reason stands above", code=1)
        return done.stdout

    def _needed_by(self, package: str) -> list[str]:
        lines = self._apt("apt-cache", "depends", package).splitlines()
        return [line.split()[1] for line in lines if line.strip().startswith("Depends:")]

    def _download(self, packages: tuple[str, ...], standing_for: tuple[str, ...]) -> None:
        named = [name for package in standing_for for name in self._needed_by(package)]
        self._apt("apt-get", "download", *packages, *named)

    def unpacked(self, *packages: str, standing_for: tuple[str, ...] = ()) -> Path:
        """The folder with the packages' files, made at the first call; of `standing_for` what these depend on."""
        root = self.home / "root"
        if root.is_dir():
            return root
        self._debs.mkdir(parents=True, exist_ok=True)
        if self._options:
            self._apt("apt-get", "update")
        try:
            self._download(packages, standing_for)
        except Exit:  # of lists that are older than the archive, or none
            self._apt("apt-get", "update")
            self._download(packages, standing_for)
        partial = self.home / "root.partial"
        for package in sorted(self._debs.glob("*.deb")):
            shell(["dpkg-deb", "-x", str(package), str(partial)])
        return partial.rename(root)
