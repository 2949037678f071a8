# mypy: disable-error-code="no-redef"
"""The ring's kernel module: whether a host can build and load one, and what it demands of it."""

from __future__ import annotations

import re
from typing import Any, Dict

try:
    from host_draft import Draft
    from host_files import Files
except ImportError:
    from ansible.module_utils.host_draft import Draft
    from ansible.module_utils.host_files import Files

# As kernels/kmod/dkms.conf has them, which a test holds against this.
PACKAGE = "tcp-performance-ring"
VERSION = "1.0.0"
MODULE = "tcpk_ring"

SLOT_BYTES = 64
LOCKDOWN = "/sys/kernel/security/lockdown"
ENFORCED = "/sys/module/module/parameters/sig_enforce"
# The names of the keys that DKMS signs with: its own, and the one that Ubuntu's packages make.
KEYS = ("DKMS module signing key", "Secure Boot Module Signature key")


def _feature(reason: str, **more: Any) -> Dict[str, Any]:
    return dict({"available": not reason, "reason": reason}, **more)


def read_modules(files: Files, container: bool) -> Dict[str, Dict[str, Any]]:
    """The features `kernel_modules`, and `module_signatures`: "available" there means that they are demanded."""
    return {
        "kernel_modules": _feature(_why_no_modules(files, container)),
        "module_signatures": _signatures(files),
    }


def _why_no_modules(files: Files, container: bool) -> str:
    if not files.live:
        return ""
    if container:
        return "container: the kernel belongs to its host"
    if not files.exists("/proc/modules"):
        return "the kernel loads no modules: there is no /proc/modules"
    if files.read("/proc/sys/kernel/modules_disabled") == "1":
        return "kernel.modules_disabled is 1: no module can be loaded until the next boot"
    release = files.read("/proc/sys/kernel/osrelease") or ""
    headers = "/lib/modules/%s/build" % release
    packaged = any(
        files.exists("/var/lib/dpkg/info/linux-%s-%s.list" % (kind, release))
        for kind in ("image", "image-unsigned", "modules")
    )
    if not packaged and not files.exists(headers):
        return "the running kernel %s comes from no package, and there are no headers in %s" % (
            release,
            headers,
        )
    return ""


def _signatures(files: Files) -> Dict[str, Any]:
    found = re.search(r"\[(integrity|confidentiality)\]", files.read(LOCKDOWN) or "")
    demanded = ""
    if found:
        demanded = "the kernel is locked down (%s)" % found.group(1)
    elif files.read(ENFORCED) == "Y":
        demanded = "the kernel enforces signatures (%s)" % ENFORCED
    known = [key for key in KEYS if key in (files.read("/proc/keys") or "")]
    return {
        "available": bool(demanded),
        "reason": demanded or "the kernel loads modules without a signature",
        "keys": known,
    }


def plan_zero_copy(draft: Draft) -> None:
    if draft.intent["zero_copy_enabled"] is not True:
        return
    _judge_size(draft)
    if draft.skip_without("kernel_modules", "module", "zero_copy"):
        return
    signatures = draft.features["module_signatures"]
    if signatures["available"] and not signatures["keys"]:
        draft.problem(
            "zero_copy_enabled",
            True,
            "false, until the kernel knows the key that DKMS signs with",
            "%s and it knows none of the keys %s: install dkms and openssl, run `dkms generate_mok` where there is no "
            "/var/lib/dkms/mok.pub, then `mokutil --import /var/lib/dkms/mok.pub`, restart, and confirm the key at the "
            "console; nobody can do that last step for you" % (signatures["reason"], ", ".join(KEYS)),
        )


def _judge_size(draft: Draft) -> None:
    """The module's memory is taken as long as it is loaded; half of the machine's is more than any use of it."""
    slots = draft.intent["zero_copy_slots"]
    memory = [node.memory_kib for node in draft.topology.nodes if node.memory_kib]
    if slots == "" or not memory:
        return
    most = sum(memory) * 1024 // 2 // SLOT_BYTES
    if slots > most:
        draft.problem(
            "zero_copy_slots",
            slots,
            "at most %d" % (1 << (most.bit_length() - 1)),
            "%d MiB would be taken of the host's %d MiB, for good"
            % (slots * SLOT_BYTES >> 20, sum(memory) >> 10),
        )


def module_plan(draft: Draft) -> Dict[str, Any]:
    """What the role builds and the verifier expects; empty where it is off or does not apply."""
    if draft.intent["zero_copy_enabled"] is not True or not draft.has("kernel_modules"):
        return {}
    slots = draft.intent["zero_copy_slots"]
    return {"package": PACKAGE, "version": VERSION, "module": MODULE, "slots": slots if slots != "" else None}
