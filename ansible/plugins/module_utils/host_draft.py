# mypy: disable-error-code="no-redef"
"""A plan while it is being written: settings that this machine can take, and those it can not, with the reason."""

from __future__ import annotations

from typing import Any, Dict, List, Set

try:
    from host_files import Files
    from host_topology import Topology
except ImportError:
    from ansible.module_utils.host_files import Files
    from ansible.module_utils.host_topology import Topology

CONTAINER = "container: the kernel belongs to its host"


class Draft:
    """Collects a plan's entries; what a machine lacks goes to `not_applicable` instead."""

    def __init__(
        self, files: Files, topology: Topology, features: Dict[str, Any], intent: Dict[str, Any], profile: str
    ) -> None:
        self.files = files
        self.topology = topology
        self.features = features
        self.intent = intent
        self.profile = profile
        self.container: bool = features["container"]["available"]
        self.sysctls: Dict[str, str] = {}
        self.sysctl_roles: Dict[str, str] = {}
        self.sysfs: List[Dict[str, str]] = []
        self.proc: List[Dict[str, str]] = []
        self.limits: List[Dict[str, str]] = []
        self.groups: List[Dict[str, Any]] = []
        self.mounts: List[Dict[str, str]] = []
        self.huge_pages: List[Dict[str, int]] = []
        self.resctrl: Dict[str, Any] = {}
        self.boot: Dict[str, List[str]] = {}
        self.not_applicable: List[Dict[str, str]] = []
        self.warnings: List[str] = []
        self.problems: List[Dict[str, Any]] = []

    def asked(self, variable: str) -> bool:
        """Whether the user wants something here, and the capability it belongs to is switched on."""
        role = next(
            name[: -len("_enabled")]
            for name in self.intent
            if name.endswith("_enabled") and variable.startswith(name[: -len("enabled")])
        )
        return bool(self.intent[role + "_enabled"]) and self.intent[variable] != ""

    def has(self, feature: str) -> bool:
        return bool(self.features[feature]["available"])

    def skip(self, setting: str, role: str, reason: str) -> None:
        self.not_applicable.append({"setting": "%s.%s" % (role, setting), "role": role, "reason": reason})

    def skip_without(self, feature: str, setting: str, role: str) -> bool:
        """Note the setting as not applicable when the feature is missing; tell whether it is."""
        if not self.has(feature):
            self.skip(setting, role, CONTAINER if self.container else self.features[feature]["reason"])
        return not self.has(feature)

    def problem(self, setting: str, value: Any, allowed: str, advice: str) -> None:
        self.problems.append({"setting": setting, "value": value, "allowed": allowed, "advice": advice})

    def _lacks(self, path: str) -> str:
        if self.container:
            return CONTAINER
        if not self.files.live:
            return ""
        if not self.files.exists(path):
            return "the kernel has no %s" % path
        return "" if self.files.writable(path) else "%s is read-only" % path

    def set_file(self, setting: str, role: str, path: str, value: str) -> None:
        """Plan a value of a file below /sys or /proc."""
        reason = self._lacks(path)
        if reason:
            self.skip(setting, role, reason)
            return
        entries = self.proc if path.startswith("/proc/") else self.sysfs
        entries.append({"setting": "%s.%s" % (role, setting), "role": role, "path": path, "value": value})

    def set_sysctl(self, role: str, name: str, value: str) -> None:
        reason = self._lacks("/proc/sys/" + name.replace(".", "/"))
        if reason:
            self.skip(name, role, reason)
            return
        self.sysctls[name] = value
        self.sysctl_roles[name] = role

    def add_boot(self, role: str, *arguments: str) -> None:
        """Plan boot arguments, where there is a boot loader to hand them to the kernel."""
        reason = ""
        if self.profile == "workstation":
            reason = "profile workstation never touches boot arguments"
        elif not self.has("boot_loader"):
            reason = self.features["boot_loader"]["reason"]
        for argument in arguments:
            if reason:
                self.skip("boot_argument.%s" % argument.partition("=")[0], role, reason)
            else:
                self.boot.setdefault(role, []).append(argument)

    def add_group(self, role: str, name: str, members: List[str]) -> None:
        self.groups.append({"name": name, "role": role, "members": list(members)})

    @property
    def online(self) -> Set[int]:
        return set(self.topology.online)
