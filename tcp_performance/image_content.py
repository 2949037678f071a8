"""What is in an image: its packages as a CycloneDX bill of materials, and where its size comes from."""

from __future__ import annotations

import json
import uuid
from typing import Any

import docker

CYCLONEDX = "1.5"
# Run in the image with its own Python: what the distribution and what Python say is installed.
INVENTORY = r"""
import json, os, subprocess
from importlib import metadata
release = dict(line.rstrip().replace('"', '').split("=", 1) for line in open("/etc/os-release") if "=" in line)
fields = ["Package", "Version", "Architecture", "source:Package"]
text = subprocess.run(["dpkg-query", "-W", "-f", "\t".join("${%s}" % f for f in fields) + "\n"],
                      capture_output=True, text=True, check=True).stdout
python = {d.metadata["Name"]: d.version for d in metadata.distributions()}
blas = {}
for folder, _, names in os.walk("/usr/lib"):
    for name in names:
        path = os.path.join(folder, name)
        if name.startswith(("libmkl", "libopenblas")) and not os.path.islink(path):
            blas[path] = os.path.getsize(path)
print(json.dumps({"system": release["ID"], "release": release.get("VERSION_ID", ""), "blas": blas,
                  "deb": [dict(zip(fields, line.split("\t"))) for line in text.splitlines()],
                  "python": python}))
"""


def inventory(client: docker.DockerClient, image: str) -> dict[str, Any]:
    """Packages of the distribution (`deb`), of Python (`python`), and the BLAS files by size in bytes (`blas`)."""
    output = client.containers.run(
        image, ["-c", INVENTORY], entrypoint="python3", remove=True, network_mode="none", user="65534:65534"
    )
    found: dict[str, Any] = json.loads(output)
    return found


def bill_of_materials(name: str, identity: str, created: str, content: dict[str, Any]) -> dict[str, Any]:
    """A CycloneDX document; the same image gives the same document.

    `name` is the image's tag, `identity` its "sha256:..." and `created` its time, as the engine states them.
    """
    system, release = content["system"], content["release"]
    components: list[dict[str, Any]] = []
    for package in sorted(content["deb"], key=lambda package: (package["Package"], package["Architecture"])):
        purl = "pkg:deb/{}/{}@{}?arch={}&distro={}-{}".format(
            system,
            package["Package"],
            package["Version"].replace(":", "%3A").replace("+", "%2B"),
            package["Architecture"],
            system,
            release,
        )
        components.append(
            {
                "type": "library",
                "bom-ref": purl,
                "name": package["Package"],
                "version": package["Version"],
                "purl": purl,
            }
        )
    for distribution, version in sorted(content["python"].items()):
        purl = f"pkg:pypi/{distribution.lower()}@{version}"
        components.append(
            {"type": "library", "bom-ref": purl, "name": distribution, "version": version, "purl": purl}
        )
    return {
        "bomFormat": "CycloneDX",
        "specVersion": CYCLONEDX,
        "serialNumber": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, identity)}",
        "version": 1,
        "metadata": {
            "timestamp": created.split(".")[0].rstrip("Z") + "Z",
            "component": {
                "type": "container",
                "bom-ref": identity,
                "name": name,
                "version": identity.partition(":")[2][:12],
                "hashes": [{"alg": "SHA-256", "content": identity.partition(":")[2]}],
            },
        },
        "components": components,
    }


def layers(client: docker.DockerClient, image: str, base: str) -> list[tuple[str, int]]:
    """What each step added to the base, first to last: (what made it, bytes); steps that added nothing are left out."""
    below = len(client.images.get(base).history())
    steps = list(reversed(client.images.get(image).history()))[below:]
    return [(describe(step["CreatedBy"]), step["Size"]) for step in steps if step["Size"] > 0]


def describe(made_by: str) -> str:
    """A step of the Dockerfile in two words."""
    for sign, what in (
        ("provision toolchain", "toolchain, debuggers, perf"),
        ("provision blas", "BLAS and NumPy"),
        ("provision deploy", "kernels made known"),
        ("COPY /opt/tcp-performance", "kernels"),
        ("COPY kernels", "sources and suite"),
        ("install -y -q --no-install-recommends python3 ", "Python"),
    ):
        if sign in made_by:
            return what
    return made_by[:60]
