"""Kept engines: never a stale one, never a damaged one, never half of one."""

import dataclasses
import os

import pytest

from engines.gpu.cache import Cache, Key, cache_folder, seal, unseal

KEY = Key("engine", "contour", "abc", "tensorrt_rtx 1.7", "8.9", "", 1)


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "deep" / "cache")


def test_what_was_put_comes_back(cache):
    cache.put(KEY, b"\n engine \n")
    assert cache.get(KEY) == b"\n engine \n"
    assert [path.name for path in cache.folder.iterdir()] == [KEY.file]


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Key)])
def test_whatever_an_engine_depends_on_is_in_its_name(cache, field):
    cache.put(KEY, b"engine")
    other = dataclasses.replace(KEY, **{field: 2 if field == "recipe" else "other"})
    assert other.file != KEY.file
    assert cache.get(other) is None


def test_the_wrong_file_under_the_right_name_is_not_used(cache):
    other = dataclasses.replace(KEY, model="other")
    cache.put(other, b"engine")
    os.replace(cache.folder / other.file, cache.folder / KEY.file)
    assert cache.get(KEY) is None


@pytest.mark.parametrize("cut", [0, 1, 50, -1])
def test_half_a_file_is_not_used(cut):
    sealed = seal(KEY, b"a long engine")
    assert unseal(KEY, sealed[:cut]) is None


def test_every_damaged_byte_is_noticed():
    sealed = seal(KEY, b"engine")
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 0x20
        assert unseal(KEY, bytes(damaged)) is None, place


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = Cache(tmp_path / "file" / "cache")
    assert cache.put(KEY, b"engine") is None
    assert cache.get(KEY) is None


def test_a_write_that_fails_leaves_the_old_file_and_no_other(cache, monkeypatch):
    cache.put(KEY, b"old")

    def full(source, target):
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", full)
    assert cache.put(KEY, b"new") is None
    assert cache.get(KEY) == b"old"
    assert len(list(cache.folder.iterdir())) == 1


def test_the_folder_follows_the_systems_custom(monkeypatch, tmp_path):
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "contourface" / "engines"


# With the made-up GPU: what is kept, and when it is made again.


def test_the_second_start_builds_nothing(machine, open_tiny):
    open_tiny()
    assert machine.rtx.builds == 1
    assert [len(machine.files(kind)) for kind in ("engine", "runtime", "check")] == [1, 1, 1]
    open_tiny()
    assert machine.rtx.builds == 1


@pytest.mark.parametrize("damage", [b"", b"garbage", None])
def test_a_damaged_engine_is_built_again(machine, open_tiny, damage):
    open_tiny()
    (path,) = machine.files("engine")
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] if damage is None else damage)
    assert open_tiny().on_gpu
    assert machine.rtx.builds == 2
    assert path.read_bytes() == whole


def test_an_engine_that_the_gpu_refuses_is_built_again_once(machine, open_tiny):
    open_tiny()
    machine.gpu.failing["deserialize"] = (0, machine.gpu.cudaError_t.cudaErrorLaunchFailure)
    refused = machine.gpu.status

    def once(call):
        status = refused(call)
        machine.gpu.failing.pop(call, None)
        return status

    machine.gpu.status = once
    assert open_tiny().on_gpu
    assert machine.rtx.builds == 2


def test_another_version_of_the_package_builds_its_own(machine, open_tiny):
    from engines.gpu import opening

    open_tiny()
    machine.rtx.__version__ = "1.8.0"
    opening.gpus.cache_clear()
    assert open_tiny().on_gpu
    assert machine.rtx.builds == 2
    assert len(machine.files("engine")) == 2


def test_a_damaged_runtime_cache_is_no_fault(machine, open_tiny):
    open_tiny()
    (path,) = machine.files("runtime")
    path.write_bytes(b"garbage")
    assert open_tiny().on_gpu
    assert path.read_bytes() != b"garbage"


def test_classic_tensorrt_starts_from_what_it_measured(machine, open_tiny):
    machine.without("tensorrt_rtx")
    open_tiny()
    (engine,) = machine.files("engine")
    engine.unlink()
    open_tiny()
    assert machine.classic.timings == [b"t", b"tt"]


def test_a_new_driver_means_a_new_self_check(machine, open_tiny):
    from engines.gpu import opening

    open_tiny()
    machine.gpu.driver = 13040
    opening.gpus.cache_clear()
    open_tiny()
    assert machine.rtx.builds == 1
    assert len(machine.files("check")) == 2
