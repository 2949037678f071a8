"""The benchmark's front: what it merges, writes and answers. No speed is looked at here."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tcp_performance import bench, comparisons, numpy_peers, python_peers


def row(operation: str, median: float, **more: Any) -> dict[str, Any]:
    return {
        "operation": operation,
        "variant": "avx2",
        "unit": "ns",
        "median": median,
        "p99": median * 2,
        "p999": median * 3,
        "target": 10.0,
        "floor": 1.0,
        "floor_kind": "a load",
        "ratio_to_floor": median,
        "peers": [],
        **more,
    }


@pytest.fixture
def result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "bench/bench.json"
    monkeypatch.setattr(bench, "RESULT", path)
    monkeypatch.setattr(bench, "REAL_REGISTRY", tmp_path / "absent")
    monkeypatch.setattr(numpy_peers, "SAMPLES", 1)
    monkeypatch.setattr(numpy_peers, "SHORTEST_SAMPLE_NS", 1)
    monkeypatch.setattr(
        numpy_peers,
        "PEERS",
        {"descriptor lookup": numpy_peers.lookup, "raw window scan": numpy_peers.window_scan},
    )
    return path


def fake_command(folder: Path, answer: object, status: int = 0) -> Path:
    """A command that answers `bench --json` with what it is given."""
    (folder / "answer").write_text(answer if isinstance(answer, str) else json.dumps(answer))
    path = folder / "tcp_behavioral_engine"
    path.write_text(
        f"#!/bin/sh\n[ \"$1 $2\" = 'bench --json' ] || exit 9\ncat {folder}/answer\nexit {status}\n"
    )
    path.chmod(0o755)
    return path


def figures(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"machine": {"cpu": "a CPU", "compiler": "a compiler", "flags": "-O3"}, "rows": list(rows)}


def test_every_target_held_is_0_and_numpy_stands_beside(
    tmp_path: Path, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = figures(row("descriptor lookup", 8.0), row("raw window scan", 9.0))
    assert bench.run(json_output=False, command=fake_command(tmp_path, rows)) == 0
    shown = capsys.readouterr().out
    for column in bench.COLUMNS:
        assert column in shown
    written = json.loads(result.read_text())
    names = [[peer["name"] for peer in one["peers"]] for one in written["rows"]]
    assert names == [["NumPy", "Python's dict"], ["NumPy"]]
    assert all(one["peers"][0]["median"] > 0 for one in written["rows"])
    assert {"cpu", "compiler", "flags", "commit", "numpy", "measured"} <= set(written["machine"])


def test_json_is_what_was_written(tmp_path: Path, result: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bench.run(json_output=True, command=fake_command(tmp_path, figures(row("descriptor lookup", 8.0))))
    assert json.loads(capsys.readouterr().out) == json.loads(result.read_text())


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        (row("descriptor lookup", 10.0), 1),
        (row("descriptor lookup", 8.0, target_statistic="p999"), 1),
        (row("descriptor lookup", 3.0, target_statistic="p999"), 0),
    ],
)
def test_target_is_held_against_the_figure_it_is_for(
    missed: dict[str, Any], expected: int, tmp_path: Path, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # The command itself ends with 1 where a target is missed, and that is no failure of the measurement.
    command = fake_command(tmp_path, figures(row("raw window scan", 1.0), missed), status=expected)
    assert bench.run(json_output=False, command=command) == expected
    assert ("MISSED" in capsys.readouterr().out) == bool(expected)


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("", 2, "ended with 2"),
        ("no json", 0, "printed no JSON"),
        (figures(), 0, "measured nothing"),
        (figures(row("levitation", 1.0)), 0, "'levitation' has no NumPy peer; known: descriptor lookup"),
    ],
)
def test_what_cannot_be_measured_is_2(
    answer: object, status: int, said: str, tmp_path: Path, result: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench.run(json_output=False, command=fake_command(tmp_path, answer, status)) == 2
    assert said in capsys.readouterr().err
    assert not result.exists()


def test_newest_command_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "INSTALLED", tmp_path / "installed")
    with pytest.raises(bench.Failure, match="build-kernels makes one"):
        bench.find_command()
    built = tmp_path / "kernels/build/release/tcp_behavioral_engine"
    built.parent.mkdir(parents=True)
    for path, age in ((built, 200), (bench.INSTALLED, 100)):
        path.touch()
        os.utime(path, (1_700_000_000 - age,) * 2)
    assert bench.find_command() == bench.INSTALLED
    os.utime(built)
    assert bench.find_command() == built
    with pytest.raises(bench.Failure, match="is no file"):
        bench.find_command(tmp_path / "absent")


def test_peers_compute_what_they_stand_for() -> None:
    call, operations = numpy_peers.window_scan()
    count, largest, total = call()
    assert operations == 1
    assert (count, 0 <= largest < 1000, 3060 < total <= 6120) == (0, True, True)
    batch, operations = numpy_peers.lookup_batch()
    descriptors, found = batch()
    assert operations == len(descriptors) == 65_536
    assert found.all()
    score, _ = numpy_peers.baseline_score()
    assert 1 < float(score()) < 10
    adapt, _ = numpy_peers.adapt()
    first, second = adapt(), adapt()
    assert first in range(1, 6)
    assert second == 0
    event, _ = numpy_peers.engine()
    assert [bool(event()) for _ in range(3)] == [False] * 3


def test_what_other_libraries_take_is_told_or_why_not(
    tmp_path: Path, result: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Peers in Python are packages to install and minutes to measure: the stage attacks does both.
    monkeypatch.setattr(python_peers, "measure", lambda: {"comparisons": [], "absent": []})
    command = fake_command(tmp_path, figures(row("descriptor lookup", 8.0)))
    assert bench.run(json_output=False, command=command, others=True) == 0
    assert "not available: " in capsys.readouterr().out
    assert json.loads(result.read_text())["absent"][0]["reason"].startswith(str(tmp_path))


def beside(peer: float, **floor: float) -> dict[str, Any]:
    contenders = [{"name": name, "median": median, "p10": 1.0, "p90": 9.0} for name, median in
                  (("tcpk", 5.0), ("fast", peer), ("slow", 20.0))]  # fmt: skip
    return {"operation": f"against {peer:g}", "contenders": contenders, **floor}


def test_a_floor_that_keeps_everyone_from_twice_the_best_peer_is_marked() -> None:
    rows = [beside(9.9, floor=5.0), beside(10.0, floor=5.0), beside(6.0)]
    assert [comparisons.bounded(row) for row in rows] == [True, False, False]
    _, first, second, third, note = comparisons.lines({"comparisons": rows, "absent": []})
    assert first.split()[2:5] == ["5.0", "2.0x", "5.0*"]
    assert second.split()[2:5] == ["5.0", "2.0x", "5.0"]
    assert third.split()[2:5] == ["5.0", "1.2x", "-"]
    assert note.startswith("* 1 row(s)")
    assert len(comparisons.lines({"comparisons": rows[1:], "absent": []})) == 3
