"""The bill of materials of an image."""

from __future__ import annotations

from typing import Any

import pytest

from tcp_performance import image_content

CONTENT: dict[str, Any] = {
    "system": "debian",
    "release": "12",
    "blas": {},
    "deb": [
        {"Package": "python3-numpy", "Version": "1:1.24.2-1+deb12u1", "Architecture": "amd64"},
        {"Package": "libc6", "Version": "2.36-9", "Architecture": "amd64"},
    ],
    "python": {"numpy": "1.24.2"},
}
IDENTITY = "sha256:" + "ab" * 32


def bill() -> dict[str, Any]:
    return image_content.bill_of_materials("tcp:1", IDENTITY, "2026-11-23T06:00:00.123456789Z", CONTENT)


def test_every_package_is_a_component_of_its_own() -> None:
    components = bill()["components"]
    assert [component["name"] for component in components] == ["libc6", "python3-numpy", "numpy"]
    assert len({component["bom-ref"] for component in components}) == 3
    assert (
        components[1]["purl"]
        == "pkg:deb/debian/python3-numpy@1%3A1.24.2-1%2Bdeb12u1?arch=amd64&distro=debian-12"
    )


def test_bill_names_the_image_by_its_hash_and_time() -> None:
    metadata = bill()["metadata"]
    assert metadata["timestamp"] == "2026-11-23T06:00:00Z"
    assert metadata["component"]["hashes"] == [{"alg": "SHA-256", "content": "ab" * 32}]


def test_same_image_same_bill() -> None:
    assert bill() == bill()
    assert bill()["serialNumber"].startswith("urn:uuid:")


@pytest.mark.parametrize(
    ("made_by", "what"),
    [
        ("COPY /opt/tcp-performance /opt/tcp-performance # buildkit", "kernels"),
        ("RUN |1 BLAS=mkl /bin/sh -eu -c /mnt/docker/provision blas -e ...", "BLAS and NumPy"),
        ("RUN something else", "RUN something else"),
    ],
)
def test_layer_is_told_in_two_words(made_by: str, what: str) -> None:
    assert image_content.describe(made_by) == what
