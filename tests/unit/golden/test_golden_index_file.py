"""The index on disk: whole or refused, never half believed."""

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from hitl_core.golden import index_file
from hitl_core.golden.index import Entry, GoldenIndex
from hitl_core.golden.index_file import MAGIC, StaleIndexError, load_index, save_index

VECTORS = np.eye(4, 8, dtype=np.float32)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    index = GoldenIndex("model", 8)
    index.add([Entry(f"g{n}", "p", "law" if n % 2 else None) for n in range(4)], VECTORS)
    index.remove(["g2"])
    index.watermark, index.anchor = 17, "g3"
    path = tmp_path / "golden.index"
    assert save_index(index, path)
    return path


def test_what_was_saved_comes_back(saved: Path) -> None:
    index = load_index(saved, "model", 8)
    assert (index.watermark, index.anchor, len(index)) == (17, "g3", 3)
    assert index.search(VECTORS[1], 1, project="p", domain="law").ids == ["g1"]
    index.add([Entry("new", "p", "law")], VECTORS[2:3])
    assert index.search(VECTORS[2], 1, domain="law").ids == ["new"]


def test_an_empty_index_comes_back_empty(tmp_path: Path) -> None:
    save_index(GoldenIndex("model", 8), tmp_path / "x.index")
    assert len(load_index(tmp_path / "x.index", "model", 8)) == 0


@pytest.mark.parametrize(
    ("fingerprint", "dimension", "field"), [("other", 8, "fingerprint"), ("model", 9, "dimension")]
)
def test_another_models_index_is_refused(saved: Path, fingerprint: str, dimension: int, field: str) -> None:
    with pytest.raises(StaleIndexError, match=field):
        load_index(saved, fingerprint, dimension)


def test_another_schema_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_file, "SCHEMA", 2)
    with pytest.raises(StaleIndexError, match="schema 1, expected 2"):
        load_index(saved, "model", 8)


def test_every_torn_length_is_refused(saved: Path) -> None:
    whole = saved.read_bytes()
    for length in [*range(0, len(whole), 37), len(whole) - 1]:
        saved.write_bytes(whole[:length])
        with pytest.raises(StaleIndexError):
            load_index(saved, "model", 8)


def test_one_flipped_bit_is_refused(saved: Path) -> None:
    whole = bytearray(saved.read_bytes())
    whole[-9] ^= 1
    saved.write_bytes(whole)
    with pytest.raises(StaleIndexError, match="SHA-256"):
        load_index(saved, "model", 8)


@pytest.mark.parametrize("header", [b"[]", b"{}", b"\xff", json.dumps({"schema": 1, "fingerprint": "model"}).encode()])
def test_a_strange_header_is_refused(saved: Path, header: bytes) -> None:
    saved.write_bytes(MAGIC + header + b"\nrest")
    with pytest.raises(StaleIndexError):
        load_index(saved, "model", 8)


def test_a_kill_while_writing_leaves_the_old_file_and_its_rubbish_goes_with_the_next_save(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    torn = saved.with_name(f"{saved.name}.abc123.tmp")
    torn.write_bytes(saved.read_bytes()[:50])
    index = load_index(saved, "model", 8)

    def power_cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", power_cut)
        with pytest.raises(KeyboardInterrupt):
            save_index(index, saved)
    assert load_index(saved, "model", 8).watermark == 17
    index.watermark = 18
    assert save_index(index, saved)
    assert load_index(saved, "model", 8).watermark == 18
    assert not list(saved.parent.glob("*.tmp"))


def _try_to_save(path: Path) -> None:
    raise SystemExit(0 if save_index(GoldenIndex("model", 8), path) else 3)


def test_only_one_process_writes_at_a_time(saved: Path) -> None:
    before = saved.read_bytes()
    with index_file._only_writer(saved.with_suffix(".lock")) as mine:
        assert mine
        other = multiprocessing.get_context("spawn").Process(target=_try_to_save, args=(saved,))
        other.start()
        other.join()
    assert other.exitcode == 3
    assert saved.read_bytes() == before
