"""The exact words sent to a model: one Markdown file a prompt, versioned by the hash of its content.

Each file is a Jinja template of two blocks: ``system`` is fixed, and the same bytes in every request, so that
providers can cache it; ``user`` takes the data.
"""

from __future__ import annotations

import functools
import hashlib
from dataclasses import dataclass
from importlib import resources

import jinja2

# prompts are plain text; whatever is data is escaped as JSON before it gets here
_JINJA = jinja2.Environment(undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=False)  # noqa: S701


@dataclass(frozen=True)
class Prompt:
    """One prompt file."""

    name: str
    text: str
    """The whole file."""

    @property
    def sha256(self) -> str:
        """Hash of the file's content."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def version(self) -> str:
        """Name and the start of the hash, as runs record it: ``label@0123456789ab``."""
        return f"{self.name}@{self.sha256[:12]}"

    @functools.cached_property
    def system(self) -> str:
        """The fixed part."""
        return self._block("system", {})

    def user(self, **values: str) -> str:
        """The part with the data.

        Args:
            values: One for each name the block uses.

        Raises:
            jinja2.UndefinedError: A name is missing.
        """
        return self._block("user", values)

    def _block(self, name: str, values: dict[str, str]) -> str:
        return "".join(self._template.blocks[name](self._template.new_context(values))).strip()

    @functools.cached_property
    def _template(self) -> jinja2.Template:
        return _JINJA.from_string(self.text)


@functools.cache
def load_prompt(name: str) -> Prompt:
    """A prompt by its file name without ``.md``.

    Raises:
        FileNotFoundError: There is no such prompt.
    """
    text = resources.files(__name__).joinpath(f"{name}.md").read_text(encoding="utf-8")
    return Prompt(name, text.replace("\r\n", "\n"))


__all__ = ["Prompt", "load_prompt"]
