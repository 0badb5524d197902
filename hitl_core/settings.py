"""Settings from HITL_* environment variables and `.env`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from hitl_core.domain.errors import ConfigurationError, explain


class Settings(BaseSettings):
    """What differs between installations; what differs between decisions is the policy."""

    model_config = SettingsConfigDict(env_prefix="HITL_", env_file=".env", extra="ignore", frozen=True)

    database_url: str = "sqlite:///data/local/hitl.db"
    """SQLite or PostgreSQL (`postgresql+psycopg://…`)."""
    index_dir: Path | None = None
    """Where the few-shot index is kept; beside a SQLite file, else data/local."""
    audit_secret: str = ""
    """Secret of the audit coin; empty means one that the database makes and keeps."""
    embedding_model: str = ""
    """A sentence-transformers path or name; empty means the packaged all-MiniLM-L6-v2."""
    max_query_bytes: int = Field(32_768, gt=0)
    max_output_bytes: int = Field(262_144, gt=0)
    max_context_bytes: int = Field(2_097_152, gt=0)
    max_passages: int = Field(200, gt=0)
    max_extras_bytes: int = Field(262_144, gt=0)
    """Limit for metadata, inputs, alternatives and explanation together."""
    skip_seconds: float = Field(3600, gt=0)
    """How long a skipped task stays hidden from the reviewer who skipped it."""

    def resolve_index_dir(self, database: str | None) -> Path:
        """Return where the few-shot index lives for a SQLite file, or for another database."""
        if self.index_dir is not None:
            return self.index_dir
        if database and database != ":memory:":
            return Path(f"{database}-index")
        return Path("data/local/index")


def load_settings(**overrides: object) -> Settings:
    """Read the environment.

    Raises:
        ConfigurationError: a variable has a value that cannot be used; one line says which.
    """
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        raise ConfigurationError(f"HITL_* settings: {explain(error, Settings)}") from None
