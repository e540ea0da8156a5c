"""Which model: the one setting, its default, and the model it makes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nexus.errors import ModelUnavailable, SettingsInvalid
from nexus.models.local_url import require_local
from nexus.models.ollama_server import OllamaServer, is_cloud
from nexus.models.weights import DEFAULT_MODEL, KNOWN_MODELS, OLLAMA_LICENCES, is_installed
from nexus.ports.model import ChatModel

FIELD = "NEXUS_MODEL"
OLLAMA_URL = "http://127.0.0.1:11434"
_FORMS = (
    "Write ollama:qwen2.5-coder:3b, embedded:qwen2.5-coder-1.5b (or embedded:/path/to/file.gguf),"
    " or openai:http://127.0.0.1:8080/v1#name."
)
_PREFERRED = ("qwen2.5-coder:3b", "qwen2.5-coder:7b", "qwen2.5-coder:1.5b")

Kind = Literal["ollama", "embedded", "openai"]


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One model, as a setting names it.

    Attributes:
        kind: Who runs it.
        name: Its name there; for a file of one's own, the file's name.
        url: The server's URL, for `openai`.
        file: The file, for `embedded` with a file of one's own.
    """

    kind: Kind
    name: str
    url: str | None = None
    file: Path | None = None

    @property
    def setting(self) -> str:
        """The setting that means this choice."""
        if self.kind == "openai":
            return f"openai:{self.url}#{self.name}"
        return f"{self.kind}:{self.file or self.name}"

    def weights_file(self, models_dir: Path) -> Path | None:
        """Where its weights are to be; None if a server keeps them."""
        if self.kind != "embedded":
            return None
        return self.file or models_dir / KNOWN_MODELS[self.name].file_name


@dataclass(frozen=True, slots=True)
class InstalledModel:
    """One model for `nexus model list`."""

    setting: str
    size: int
    licence: str
    is_installed: bool


def parse_choice(setting: str) -> ModelChoice:
    """The choice that `setting` means.

    Raises:
        SettingsInvalid: It means none; shows the forms.
    """
    kind, _, rest = setting.strip().partition(":")
    if kind == "ollama" and rest.strip():
        return ModelChoice("ollama", rest.strip())
    if kind == "embedded" and rest.strip():
        return _embedded(rest.strip())
    if kind == "openai" and rest.count("#") == 1:
        url, _, name = rest.partition("#")
        if name.strip() and url.startswith(("http://", "https://")):
            return ModelChoice("openai", name.strip(), url=url.rstrip("/"))
    raise SettingsInvalid(f"{setting!r} names no model", field=FIELD, remedy=_FORMS)


def choose_default(ollama_url: str = OLLAMA_URL) -> ModelChoice:
    """A Qwen2.5-Coder that a running Ollama has, the best first; else the embedded one."""
    try:
        require_local(ollama_url, field="NEXUS_OLLAMA_URL")
        names = {tag.name for tag in OllamaServer(ollama_url).tags()}
    except (ModelUnavailable, SettingsInvalid):
        names = set[str]()
    found = next((name for name in _PREFERRED if name in names), None)
    return ModelChoice("ollama", found) if found else ModelChoice("embedded", DEFAULT_MODEL)


async def choice_of(setting: str | None, *, ollama_url: str = OLLAMA_URL) -> ModelChoice:
    """The choice of a setting, or the default if there is none. Does not block the event loop.

    Raises:
        SettingsInvalid: The setting means no model.
    """
    return parse_choice(setting) if setting else await asyncio.to_thread(choose_default, ollama_url)


def build_model(
    choice: ModelChoice,
    *,
    num_ctx: int = 8192,
    models_dir: Path,
    ollama_url: str = OLLAMA_URL,
    allow_remote_model: bool = False,
    request_timeout: float = 300.0,
    threads: int | None = None,
) -> ChatModel:
    """The model, not yet loaded. Build one for a process: an embedded one holds its weights.

    Raises:
        SettingsInvalid: Prompts would leave this machine and its network, and that is not allowed.
    """
    if choice.kind == "ollama":
        from nexus.models.ollama import OllamaModel  # noqa: PLC0415 - slow to import

        _refuse_cloud(choice, allowed=allow_remote_model)
        return OllamaModel(
            choice.name,
            url=ollama_url,
            num_ctx=num_ctx,
            request_timeout=request_timeout,
            allow_remote=allow_remote_model,
        )
    if choice.kind == "openai":
        from nexus.models.openai_compatible import OpenAICompatibleModel  # noqa: PLC0415 - like the others

        return OpenAICompatibleModel(
            choice.name,
            url=choice.url or "",
            num_ctx=num_ctx,
            request_timeout=request_timeout,
            allow_remote=allow_remote_model,
        )
    from nexus.models.embedded import EmbeddedModel  # noqa: PLC0415 - like the others
    from nexus.models.engine import EmbeddedEngine  # noqa: PLC0415

    file = choice.weights_file(models_dir) or models_dir
    engine = EmbeddedEngine(file, num_ctx=num_ctx, threads=threads)
    return EmbeddedModel(engine, name=choice.setting.partition(":")[2], request_timeout=request_timeout)


def installed_models(models_dir: Path, ollama_url: str = OLLAMA_URL) -> Sequence[InstalledModel]:
    """The embedded models that there are, here or not yet, and what a running Ollama has."""
    embedded = [
        InstalledModel(f"embedded:{model.name}", model.size, model.licence, is_installed(model, models_dir))
        for model in KNOWN_MODELS.values()
    ]
    try:
        tags = OllamaServer(ollama_url).tags()
    except ModelUnavailable:
        tags = ()
    return [
        *embedded,
        *(
            InstalledModel(
                f"ollama:{tag.name}",
                tag.size,
                OLLAMA_LICENCES.get(tag.name, f"see: ollama show {tag.name}"),
                is_installed=True,
            )
            for tag in tags
        ),
    ]


def _embedded(name: str) -> ModelChoice:
    if name in KNOWN_MODELS:
        return ModelChoice("embedded", name)
    if name.endswith(".gguf"):
        file = Path(name).expanduser().absolute()
        return ModelChoice("embedded", file.name, file=file)
    raise SettingsInvalid(
        f"there is no embedded model {name!r}; known: {', '.join(KNOWN_MODELS)}", field=FIELD, remedy=_FORMS
    )


def _refuse_cloud(choice: ModelChoice, *, allowed: bool) -> None:
    if is_cloud(choice.name) and not allowed:
        raise SettingsInvalid(
            f"{choice.name} runs in Ollama's cloud, and prompts would go there",
            field=FIELD,
            remedy="Choose a local model; or set NEXUS_ALLOW_REMOTE_MODEL=true if that is what you want.",
        )
