"""On a real GPU: `make test EXTRAS=test,gpu ARGS="-m gpu -s"`. Skipped where there is none."""

import numpy as np
import pytest

from engines.engine import choose_engine, get_spec, shipped_networks
from engines.gpu.cache import Cache
from engines.gpu.chain import Chain
from engines.gpu.cuda import GpuError
from engines.gpu.self_check import check_chain, check_engine, check_inputs, stored_crops
from engines.gpu.session import RUN_SECONDS, find_gpus

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def gpus(tmp_path_factory):
    try:
        return find_gpus(Cache(tmp_path_factory.mktemp("engines")))
    except GpuError as error:
        pytest.skip(f"no GPU: {error}")


@pytest.fixture(scope="module", params=[True, False], ids=["graph", "no graph"])
def chains(gpus, request):
    return [Chain(gpu, request.param) for gpu in gpus]


@pytest.mark.parametrize("graph", [True, False], ids=["graph", "no graph"])
@pytest.mark.parametrize("network", sorted(shipped_networks()))
def test_every_network_says_what_the_cpu_says(gpus, network, graph, capsys):
    from engines.engine import read_weights
    from engines.tensorrt_engine import TensorRtEngine

    for gpu in gpus:
        engine = TensorRtEngine(get_spec(network), read_weights(f"{network}.fp16.onnx"), gpu, graph)
        found = check_engine(engine)
        with capsys.disabled():
            print(f"\n{gpu}: {network}: {found}")


def test_the_chain_says_what_the_cpu_says(chains, capsys):
    for chain in chains:
        found = check_chain(chain.run)
        with capsys.disabled():
            print(f"\n{chain.gpu}: chain: {found}")


def test_the_same_input_gives_the_same_output(chains):
    crop = stored_crops()[4]
    for chain in chains:
        first = {name: value.copy() for name, value in chain.run(crop).items()}
        chain.run(stored_crops()[0])
        for name, value in chain.run(crop).items():
            np.testing.assert_array_equal(value, first[name])


def test_a_run_is_far_within_the_time_after_which_the_gpu_counts_as_lost(chains, capsys):
    from engines.doctor import measure

    for chain in chains:
        p50, p95 = measure(lambda chain=chain: chain.run(stored_crops()[0]), 100)
        with capsys.disabled():
            print(f"\n{chain.gpu}: p50 {p50:.2f} ms, p95 {p95:.2f} ms")
        assert p95 < 1e3 * RUN_SECONDS / 10


def test_auto_chooses_the_gpu(gpus):
    engine = choose_engine("contour")
    assert engine.device == "gpu", engine.why
    inputs = next(check_inputs(engine.spec))
    assert np.isfinite(engine.run(**inputs)["mask"]).all()


def test_an_engine_for_another_gpu_is_refused(gpus):
    from engines.build import build_engine
    from engines.gpu.chain import model_of
    from engines.gpu.program import Program

    for gpu in gpus:
        others = [one for one in gpu.package.capabilities() if one[0] > gpu.info.capability[0]]
        if not others:
            continue
        engine = build_engine(gpu.package, model_of("prepare"), others[0]).engine
        with pytest.raises(GpuError):
            Program(gpu.package, engine)
