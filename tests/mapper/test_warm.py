"""Compiling ahead: which searches architectures need, and that it is said once."""

import dse
from dse.mapper import warm
from dse.mapper.warm import compile_kernels, searches


def test_which_searches_are_needed():
    eyeriss, simba = dse.load_architecture("eyeriss"), dse.load_architecture("simba_pe")
    assert searches([]) == searches([eyeriss]) == ["flat"]
    assert searches([simba]) == ["deep"]
    assert searches([simba, eyeriss, simba]) == ["deep", "flat"]


def test_what_is_compiled_once_is_not_announced_again(monkeypatch, tmp_path):
    said, warmed = [], []
    monkeypatch.setattr(warm, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(warm, "warm_up", warmed.append)
    compile_kernels(said.append)
    assert len(said) == 1
    assert (tmp_path / "flat.done").exists()
    compile_kernels(said.append)
    assert len(said) == 1
    assert warmed == ["flat", "flat"]
