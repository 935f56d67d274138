"""Every setting of every process, read from the environment once, here and nowhere else.

A field ``batch_size`` is read from ``TRUNKLINE_BATCH_SIZE`` or, if that is not set, from
``BATCH_SIZE``. Units stand in the names: ``_s`` seconds, ``_ms`` milliseconds.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    AliasChoices,
    AliasGenerator,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

from config.pbx import Pbx, parse_pbxs
from config.values import (
    CallChannel,
    DialplanContext,
    HeaderToken,
    HttpUrl,
    PbxUrls,
    PositiveFloat,
    PositiveInt,
)

# Time kept of a delivery's lease for writing the results down.
DELIVERY_RESERVE_S = 1.0
# The least of it in which sends may begin.
_SENDING_S = 1.0
# Connections that no process may take: psql, the scheduler's leader, a migration.
_RESERVED_PROCESSES = 2


class ConfigError(Exception):
    """The environment holds values Trunkline can't start with; one line, every one named."""


def _environment_names(field: str) -> AliasChoices:
    return AliasChoices(f"TRUNKLINE_{field.upper()}", field.upper(), field)


class Settings(BaseSettings):
    """The settings of a stack. Frozen: a process reads them once, when it starts."""

    model_config = SettingsConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=AliasGenerator(validation_alias=_environment_names),
        env_ignore_empty=True,
        validate_default=True,
    )

    database_url: SecretStr | None = Field(None, description="Postgres 15 or newer.")
    database_direct_url: SecretStr | None = Field(
        None,
        description="Postgres without PgBouncer between, for the leader's lock and LISTEN; "
        "default: DATABASE_URL.",
    )
    redis_url: SecretStr | None = Field(None, description="Redis or Valkey.")
    broker_url: SecretStr | None = Field(
        None, description="Where messages go if not to REDIS_URL: redis://… or amqp://…"
    )

    broker_namespace: str = Field(
        "dramatiq",
        description="Prefix of our keys: stacks that share one Redis each need their own.",
    )

    db_min_connections: PositiveInt = Field(
        10, description="Connections kept open by a whole stack; each process takes its share."
    )
    db_max_connections: PositiveInt = Field(
        60, description="Connections a whole stack may open; each process takes its share."
    )
    db_idle_timeout_s: PositiveFloat = Field(
        60, description="A pooled connection unused for so long is closed."
    )
    db_wait_timeout_s: PositiveFloat = Field(
        10, description="How long a caller waits for a connection, or a command for the server."
    )
    statement_timeout_s: PositiveFloat = Field(
        60, description="A statement that takes longer is cancelled."
    )
    idle_in_transaction_timeout_s: PositiveFloat = Field(
        15, description="A worker frozen inside a transaction for so long is cut off by Postgres."
    )
    lock_timeout_s: PositiveFloat = Field(
        3, description="How long a migration waits for a table before it lets the others pass."
    )
    slow_statement_ms: PositiveFloat = Field(
        100, description="A statement that takes longer is logged."
    )

    worker_processes: PositiveInt = Field(2, description="Worker processes of `trunkline up`.")
    worker_threads: PositiveInt = Field(4, description="Threads of each worker process.")

    tick_ms: PositiveInt = Field(500, description="How often the scheduler looks for due work.")
    max_rings: PositiveInt = Field(
        8, description="Messages of one kind that may wait for a worker at once."
    )
    batch_size: PositiveInt = Field(1000, description="Steps a journey batch claims at most.")
    step_max_attempts: PositiveInt = Field(
        5, description="Times a step is tried before it counts as failed."
    )
    step_backoff_s: PositiveFloat = Field(
        10, description="Wait after the first failed try of a step; doubles with each one."
    )
    enrollment_max_steps: PositiveInt = Field(
        500, description="Steps one enrollment may take; more are taken for an endless loop."
    )

    delivery_batch_size: PositiveInt = Field(200, description="Messages claimed for one send run.")
    delivery_concurrency: PositiveInt = Field(32, description="Sends under way at once in a run.")
    delivery_timeout_s: PositiveFloat = Field(
        5, description="A send without an answer for so long is tried again."
    )
    delivery_lease_s: PositiveFloat = Field(
        30, description="A claimed message whose worker is gone is sent again after so long."
    )
    delivery_max_attempts: PositiveInt = Field(
        8, description="Sends of one message before it counts as failed."
    )
    delivery_backoff_s: PositiveFloat = Field(
        2, description="Wait after the first failed send; doubles with each one."
    )
    sms_gateway_url: HttpUrl | None = Field(
        None, description="The SMS gateway; messages are posted to URL/messages."
    )
    sms_gateway_token: HeaderToken | None = Field(None, description="Bearer token of the gateway.")

    ami_urls: PbxUrls | None = Field(
        None,
        description="Asterisk PBXs, comma-separated: ami://user:secret@host:5038?tz=Europe/Berlin; "
        "amis:// for TLS. More options: name, auth=plain, ca=FILE.",
    )
    ami_calling_urls: PbxUrls | None = Field(
        None, description="The logins by which calls are made; default: AMI_URLS."
    )
    ami_timeout_s: PositiveFloat = Field(
        5, description="A PBX that doesn't answer for so long is taken for unreachable."
    )
    call_batch_size: PositiveInt = Field(100, description="Calls claimed for dialing at once.")
    call_channel: CallChannel = Field(
        "PJSIP/{number}@trunk",
        description="What is dialed; {number} is +15551234567, {digits} 15551234567.",
    )
    call_context: DialplanContext = Field(
        "trunkline", description="Context of the dialplan that takes calls once they are answered."
    )
    call_outcome_s: PositiveFloat = Field(300, description="Heard of no longer, a call has none.")
    call_debounce_ms: PositiveInt = Field(500, description="Wait for changes to an answered call.")
    call_debounce_max_ms: PositiveInt = Field(5000, description="Longest wait of any such change.")
    call_spool_mb: PositiveInt = Field(512, description="Beyond this a listener loses events.")
    number_ttl_s: PositiveFloat = Field(300, description="How long owners of numbers are cached.")

    webhook_timeout_s: PositiveFloat = Field(30, description="Time a try of a webhook call has.")
    webhook_max_attempts: PositiveInt = Field(3, description="Tries of one webhook call.")
    webhook_retry_s: PositiveFloat = Field(1, description="Wait after a failed try of one.")
    webhook_concurrency: PositiveInt = Field(64, description="Webhook calls at once in a run.")
    webhook_tenant_concurrency: PositiveInt = Field(32, description="Those at once for a tenant.")

    import_chunk_rows: PositiveInt = Field(5000, description="Rows of a file written at once.")
    import_max_bytes: PositiveInt = Field(
        2_147_483_648, description="Size of one imported file; here and below, tenants may differ."
    )
    import_max_rows: PositiveInt = Field(10_000_000, description="Rows of one imported file.")
    import_max_columns: PositiveInt = Field(500, description="Columns of an imported file.")
    imports_at_once: PositiveInt = Field(
        10, description="Imports of one tenant that have not ended; more are refused."
    )
    enroll_chunk_rows: PositiveInt = Field(10_000, description="Contacts enrolled at once.")
    run_lease_s: PositiveFloat = Field(
        10, description="A run whose worker is gone is taken up by another after so long."
    )
    run_max_attempts: PositiveInt = Field(
        5, description="Times a run is started before it counts as failed."
    )
    run_backoff_s: PositiveFloat = Field(
        2, description="Wait after the first failed try of a run; doubles with each one."
    )

    run_retention_days: PositiveInt = Field(
        90, description="An ended run, its list of errors and its file are kept for so long."
    )

    tenant_ttl_s: PositiveFloat = Field(600, description="How long tenants are cached.")
    node_ttl_s: PositiveFloat = Field(300, description="How long journey nodes are cached.")
    rules_ttl_s: PositiveFloat = Field(300, description="How long execution rules are cached.")
    pricing_ttl_s: PositiveFloat = Field(3600, description="How long services are cached.")

    state_dir: Path = Field(
        Path(".trunkline"), description="Data of the embedded servers, their logs, kept files."
    )
    files_url: str | None = Field(
        None,
        description="Where imported files are kept: a folder, or an fsspec URL such as "
        "s3://bucket/imports; default: STATE_DIR/files.",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="auto: readable in a terminal, JSON elsewhere."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "Settings":
        problems = []
        if self.db_min_connections > self.db_max_connections:
            problems.append(
                f"DB_MIN_CONNECTIONS ({self.db_min_connections}) is above "
                f"DB_MAX_CONNECTIONS ({self.db_max_connections})"
            )
        spare_s = DELIVERY_RESERVE_S + _SENDING_S
        if self.delivery_lease_s < self.delivery_timeout_s + spare_s:
            problems.append(
                f"DELIVERY_LEASE_S ({self.delivery_lease_s:g}) must be at least {spare_s:g} s "
                f"above DELIVERY_TIMEOUT_S ({self.delivery_timeout_s:g}), or no send may begin"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def require(self, name: str) -> str:
        """The value of a setting that has no default, as plain text.

        Raises:
            ConfigError: it is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise ConfigError(
                f"{name.upper()} is not set, and no stack runs in {self.state_dir}: "
                f"set it, or start one with `trunkline up`"
            )
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    @property
    def direct_url(self) -> str:
        """Where session state (advisory lock, LISTEN) is safe."""
        return self.require("database_direct_url" if self.database_direct_url else "database_url")

    @property
    def message_broker_url(self) -> str:
        return self.require("broker_url" if self.broker_url else "redis_url")

    @property
    def pbxs(self) -> Sequence[Pbx]:
        """The PBXs whose events are read."""
        return parse_pbxs(self.ami_urls.get_secret_value()) if self.ami_urls else ()

    @property
    def calling_pbxs(self) -> Sequence[Pbx]:
        """The logins by which calls are made; of several, each gets its share of them."""
        if self.ami_calling_urls:
            return parse_pbxs(self.ami_calling_urls.get_secret_value())
        return self.pbxs

    @property
    def kept_files(self) -> str:
        """Where imported files stay as long as their run: an absolute folder or an fsspec URL."""
        if self.files_url is None:
            return str((self.state_dir / "files").resolve())
        if "://" in self.files_url:
            return self.files_url.rstrip("/")
        return str(Path(self.files_url).resolve())

    def pool_share(self) -> tuple[int, int]:
        """Connections (at least, at most) that one process of the stack may hold."""
        processes = self.worker_processes + _RESERVED_PROCESSES
        # One more, beside the pool, hears which cached tables change.
        most = max(2, self.db_max_connections // processes - 1)
        return min(most, self.db_min_connections // processes), most


def load_settings(**overrides: Any) -> Settings:
    """Read the environment; ``overrides`` (field name → value) win over it.

    Raises:
        ConfigError: one line that names every value that is wrong.
    """
    try:
        return Settings(**overrides)
    except ValidationError as error:
        problems = "; ".join(_problem(details) for details in error.errors())
        raise ConfigError(f"wrong settings: {problems}") from None


def _problem(details: Any) -> str:
    if not details["loc"]:
        return str(details["msg"]).removeprefix("Value error, ")
    name = str(details["loc"][0]).upper().removeprefix("TRUNKLINE_")
    if name.endswith(("_URL", "_URLS", "_TOKEN")):
        return f"{name}: {details['msg']}"  # its value may hold a password
    return " ".join(f"{name}={details['input']}: {details['msg']}".split())
