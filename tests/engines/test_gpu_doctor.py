"""The command line of the engines: a report to paste, builds ahead of time, users' mistakes in two lines."""

from types import SimpleNamespace

import pytest

from engines import __main__ as command
from engines import doctor
from engines.engine import shipped_networks
from engines.gpu.cache import Cache

pytestmark = pytest.mark.skipif("contour" not in shipped_networks(), reason="no weights are shipped")


@pytest.fixture
def quick(monkeypatch):
    """Only the small network, and few runs."""
    monkeypatch.setattr(doctor, "shipped_networks", lambda: frozenset({"contour"}))
    monkeypatch.setattr(doctor, "CPU_RUNS", 2)
    monkeypatch.setattr(doctor, "Chain", lambda gpu, graph: SimpleNamespace(run=lambda crop: None))


def test_the_report_without_a_gpu_says_what_is_missing(machine, quick):
    machine.gpu.driver = 0
    text = "\n".join(doctor.report())
    assert "GPU: none, there is no NVIDIA driver" in text
    assert "contour: OpenVINO on the CPU" in text
    assert "no GPU: there is no NVIDIA driver)" in text
    assert "all in a row" not in text


def test_the_report_with_a_gpu_has_checks_and_latencies(machine, quick, monkeypatch):
    machine.without("tensorrt")
    monkeypatch.setattr(doctor, "passed_chain", lambda gpu: (None, {"painting": (0.001, 0.02)}))
    text = "\n".join(doctor.report(runs=2))
    assert "GPU: Fake 89, compute capability 8.9, 8.0 GiB, driver for CUDA 13.2" in text
    assert "TensorRT-RTX 1.7.1.116 can serve it" in text
    assert "tensorrt is not installed" in text
    assert "  contour: TensorRT-RTX 1.7.1.116 on Fake 89, fp16" in text
    assert "TensorRT-RTX 1.7.1.116 on Fake 89: chain: painting 0.00100 0.0200" in text
    for row in ("contour: TensorRT-RTX", "all in a row: TensorRT-RTX"):
        assert len([line for line in text.splitlines() if line.startswith(row)]) == 2, "with and without graphs"


def test_what_fails_is_reported_in_its_place(machine, quick, monkeypatch):
    machine.without("tensorrt")
    machine.rtx.refuses_build = True
    text = "\n".join(doctor.report(runs=2))
    assert text.count("no implementation for node Conv_1") >= 4


def test_a_latency_leaves_out_the_first_tenth():
    assert doctor.measure(lambda: None, 20)[0] >= 0


def test_build_ahead_makes_what_the_program_then_finds(machine, tmp_path, capsys):
    from engines.gpu.chain import model_of
    from engines.gpu.packages import load_package
    from engines.gpu.session import engine_key

    assert command.main(["build", "--for", "8.9", "7.5", "--out", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.strip().splitlines()
    assert len(lines) == 2 * (3 + len(shipped_networks()))
    key = engine_key("contour", model_of("contour"), load_package("tensorrt_rtx"), (8, 9), "any")
    assert Cache(tmp_path).get(key)
    assert command.main(["build", "--for", "8.9", "--out", str(tmp_path)]) == 0
    assert "kept" in capsys.readouterr().out
    assert machine.rtx.builds == len(lines)


def test_build_for_this_machine(machine, tmp_path, capsys):
    machine.without("tensorrt_rtx")
    assert command.main(["build", "--package", "tensorrt", "--out", str(tmp_path)]) == 0
    assert "SM 8.9" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--for", "9.0"], "cannot build for '9.0'"),
        (["--for", "rtx4090"], "cannot build for 'rtx4090'"),
        (["--package", "tensorrt", "--for", "8.9"], "builds for this machine's GPU only"),
    ],
)
def test_a_target_that_cannot_be_built_for_is_a_users_mistake(machine, capsys, arguments, line):
    assert command.main(["build", *arguments]) == 2
    error = capsys.readouterr().err.strip()
    assert line in error
    assert len(error.splitlines()) == 2


def test_no_gpu_to_build_for_is_a_users_mistake(machine, capsys):
    machine.gpu.driver = 0
    assert command.main(["build"]) == 2
    assert "There is no GPU to build for: there is no NVIDIA driver." in capsys.readouterr().err


def test_no_package_to_build_with_is_a_users_mistake(machine, capsys):
    machine.without("tensorrt_rtx")
    assert command.main(["build", "--for", "all"]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 2


def test_a_folder_that_cannot_be_written_is_a_users_mistake(machine, tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert command.main(["build", "--for", "8.9", "--out", str(tmp_path / "file" / "x")]) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_a_build_that_fails_is_no_stack_trace(machine, tmp_path, capsys):
    machine.rtx.refuses_build = True
    assert command.main(["build", "--for", "8.9", "--out", str(tmp_path)]) == 1
    assert len(capsys.readouterr().err.strip().splitlines()) == 2
