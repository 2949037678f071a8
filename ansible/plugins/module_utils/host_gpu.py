# mypy: disable-error-code="no-redef"
"""GPUs: which a host has, and the compilers that its roles install for them."""

from __future__ import annotations

from typing import Any, Dict, List

try:
    from host_draft import Draft
    from host_files import Files
except ImportError:
    from ansible.module_utils.host_draft import Draft
    from ansible.module_utils.host_files import Files

PCI = "/sys/bus/pci/devices"
DISPLAY = ("0x0300", "0x0302", "0x0380", "0x1200")  # VGA, 3D, other display; accelerators without a display
# Role, its vendor's PCI number, and what stands there once the driver runs.
VENDORS = {
    "cuda": ("NVIDIA", "0x10de", "/proc/driver/nvidia/version"),
    "rocm": ("AMD", "0x1002", "/sys/class/kfd"),
}
# By role and source: where the compiler is once the role has installed it.
COMPILERS = {
    "cuda": {
        "vendor": "/usr/local/cuda/bin/nvcc",
        "distribution": "/usr/bin/nvcc",
        "pypi": "/opt/tcp-performance-cuda/nvidia/cu13/bin/nvcc",
    },
    "rocm": {"vendor": "/opt/rocm/bin/hipcc", "distribution": "/usr/bin/hipcc"},
}
OPTIONS = {"cuda": "TCPK_CUDA_COMPILER", "rocm": "TCPK_HIP_COMPILER"}


def read_gpus(files: Files) -> Dict[str, Dict[str, Any]]:
    """The features `gpu_cuda` and `gpu_rocm`: a device of the vendor, and whether its driver runs."""
    found = {}
    for role, (maker, number, driver) in VENDORS.items():
        devices = [
            device
            for device in files.names(PCI)
            if files.read("%s/%s/vendor" % (PCI, device)) == number
            and (files.read("%s/%s/class" % (PCI, device)) or "").startswith(DISPLAY)
        ]
        reason = "" if devices else "no %s GPU on the PCI bus" % maker
        found["gpu_" + role] = {
            "available": bool(devices),
            "reason": reason,
            "devices": devices,
            "driver": bool(devices) and files.exists(driver),
        }
    return found


def plan_gpus(draft: Draft) -> None:
    """What runs on a device does not apply where there is none; what compiles for it does."""
    for role in VENDORS:
        if draft.intent["%s_enabled" % role] is True:
            draft.skip_without("gpu_" + role, "device", role)


def compilers(intent: Dict[str, Any]) -> Dict[str, str]:
    """The compiler of each role that is on and has a source."""
    return {
        role: COMPILERS[role][intent["%s_source" % role]]
        for role in VENDORS
        if intent["%s_enabled" % role] is True and intent["%s_source" % role]
    }


def build_options(intent: Dict[str, Any]) -> List[str]:
    """What the kernels' build is told of them."""
    return ["-D%s=%s" % (OPTIONS[role], path) for role, path in sorted(compilers(intent).items())]
