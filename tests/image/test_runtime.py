"""The images that users deploy, run with no right that they do not need."""

from __future__ import annotations

import json
import re
from typing import Any

import docker
import pytest

from tcp_performance import image_build
from tests.image.conftest import LOCKED_DOWN, run

LIBRARY = {"openblas": "OpenBLAS", "mkl": "MKL"}
MEGABYTE = 1_000_000
MAHALANOBIS = """
import numpy as np, tcpkernels
random = np.random.default_rng(1)
history, rows = random.random((500, 24)), random.random((5000, 24))
distances = tcpkernels.BaselineModel.fit(history, ridge=1e-3).distances(rows)
inverse = np.linalg.inv(np.cov(history.T, bias=True) + 1e-3 * np.eye(24))
away = rows - history.mean(0)
print(np.allclose(distances, np.sqrt(np.einsum("ij,jk,ik->i", away, inverse, away)), rtol=1e-8))
"""


def python(host: Any, program: str) -> Any:
    return json.loads(
        host.check_output("python3 -c %s", f"import json, tcpkernels as t; print(json.dumps({program}))")
    )


def test_validate_passes_locked_down_and_says_which_variants_it_tried(image: str) -> None:
    done = run(image, "validate")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\bgeneric\b", done.stdout)


def test_without_arguments_it_validates(image: str) -> None:
    assert run(image).stdout == run(image, "validate").stdout


def test_usage_error_is_exit_2(image: str) -> None:
    assert run(image, "prove").returncode == 2


def test_bench_measures_locked_down(image: str) -> None:
    done = run(image, "bench", "--json", "--rounds", "3")
    assert done.returncode in (0, 1), done.stderr
    assert json.loads(done.stdout)


def test_runs_as_nobody_in_particular(runtime: Any) -> None:
    assert runtime.check_output("id -u") != "0"
    assert "CapEff:\t0000000000000000" in runtime.check_output("cat /proc/self/status")


def test_loads_the_blas_of_its_name(runtime: Any, variant: str) -> None:
    blas = python(runtime, "t.info()['blas']")
    assert LIBRARY[variant].lower() in blas["name"].lower()


def test_every_backend_works(runtime: Any) -> None:
    for backend in ("cython", "ctypes", "numpy"):
        output = runtime.check_output(
            "env TCPK_BACKEND=%s python3 -c %s", backend, "import tcpkernels as t; print(t.info()['backend'])"
        )
        assert output == backend


def test_blas_computes_what_numpy_computes(runtime: Any) -> None:
    """In several threads too: MKL asks for its OpenMP runtime only then."""
    assert runtime.check_output("python3 -c %s", MAHALANOBIS) == "True"


@pytest.mark.parametrize(
    "command",
    ["cc", "gcc", "clang", "g++", "ld", "as", "make", "cmake", "pip", "pip3", "ansible", "ansible-playbook"],
)
def test_has_no_tool_to_build_with(runtime: Any, command: str) -> None:
    assert not runtime.exists(command)


def test_holds_no_trace_of_its_making(image: str) -> None:
    """Looked for by root, who can read every folder."""
    traces = "-iname *ansible* -o -path /mnt/* -o -path /var/lib/tcp-performance -o -path /root/.cache/*"
    search = f"/ -xdev ( {traces} -o -path /var/cache/apt/archives/*.deb ) -print"
    done = run(image, *search.split(), options=("--user=0", "--network=none", "--entrypoint=find"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_self_test_is_its_health_check(client: docker.DockerClient, image: str) -> None:
    config = client.images.get(image).attrs["Config"]
    assert config["Healthcheck"]["Test"] == ["CMD", "tcp_behavioral_engine", "validate"]
    assert config["User"] == "10001:10001"


def test_self_test_fails_where_the_library_is_damaged(image: str) -> None:
    """The health check can fail: with the library hidden it does."""
    options = (*LOCKED_DOWN, "--tmpfs=/opt/tcp-performance/lib")
    assert run(image, "validate", options=options).returncode != 0


def test_labels_say_what_it_is(client: docker.DockerClient, image: str, variant: str) -> None:
    labels = client.images.get(image).labels
    assert re.fullmatch(r"[0-9a-f]{40}(-changed)?", labels["org.opencontainers.image.revision"])
    assert labels["org.opencontainers.image.version"]
    assert variant in labels["tcp-performance.blas"]
    assert labels["tcp-performance.isa"].split()[0] == "generic"


def test_history_tells_no_secret_and_no_proxy(client: docker.DockerClient, image: str) -> None:
    told = json.dumps([client.images.get(image).history(), client.images.get(image).attrs["Config"]])
    assert not re.search(
        r"(?i)https?://|proxy|password|token|BEGIN CERT", told.replace("https://github.com", "")
    )


def test_bill_of_materials_lies_beside_it(client: docker.DockerClient, image: str) -> None:
    bill = json.loads((image_build.FOLDER / f"{image.replace(':', '-')}.cdx.json").read_text())
    assert "sha256:" + bill["metadata"]["component"]["hashes"][0]["content"] == client.images.get(image).id
    names = {component["name"] for component in bill["components"]}
    assert {"libc6", "python3-numpy", "numpy"} <= names


def test_openblas_image_is_small(client: docker.DockerClient, version: str) -> None:
    attributes = client.images.get(image_build.tag("openblas", version))
    base = client.images.get(attributes.labels["org.opencontainers.image.base.name"])
    assert attributes.attrs["Size"] - base.attrs["Size"] <= 150 * MEGABYTE


def test_mkl_image_holds_mkl_beyond_that_and_no_more(client: docker.DockerClient, version: str) -> None:
    mkl, openblas = (
        client.images.get(image_build.tag(name, version)).attrs["Size"] for name in ("mkl", "openblas")
    )
    libraries = run(
        image_build.tag("mkl", version),
        "-c",
        "du -cb /usr/lib/*/libmkl*.so* | tail -1",
        options=("--entrypoint=sh",),
    )
    assert mkl - openblas <= int(libraries.stdout.split()[0])
