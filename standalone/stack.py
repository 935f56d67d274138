"""The standard stack of one machine: servers, migration, schedulers, workers."""

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from config.settings import Settings
from standalone.ports import LOOPBACK, accepts_connections
from standalone.postgres import EmbeddedPostgres
from standalone.processes import ChildSpec, inherited_environment
from standalone.running_stack import RunningStack, remove_stack, write_stack
from standalone.sms_gateway import TOKEN_VARIABLE
from standalone.state import hold_state, keep_identity
from standalone.supervisor import Stage, Supervisor
from standalone.valkey import EmbeddedValkey
from workers.command import WORKER_STOP_S, worker_command

_SCHEDULERS = 2
_PLAIN_NAMES = ("database_url", "redis_url", "sms_gateway_url", "sms_gateway_token")


def scheduler_command() -> tuple[str, ...]:
    return (sys.executable, "-m", "scheduler")


def listener_command() -> tuple[str, ...]:
    return (sys.executable, "-m", "listener")


@dataclass(frozen=True)
class StackOptions:
    """How a stack differs from the standard one."""

    scheduler: Callable[[], tuple[str, ...]] = scheduler_command
    worker: Callable[[Settings], tuple[str, ...]] = worker_command
    postgres_options: Mapping[str, str] = field(default_factory=dict)
    """Settings of the embedded Postgres, such as ``{"fsync": "off"}``."""
    pass_output: bool = False
    """Processes write to our output instead of ``state_dir/logs/NAME.log``."""


def run_stack(
    settings: Settings,
    *,
    before_workers: Callable[[Settings], None],
    on_ready: Callable[[RunningStack], None] | None = None,
    beside: Callable[[Settings], int] | None = None,
    options: StackOptions | None = None,
) -> int:
    """Run the stack in the foreground until SIGINT or SIGTERM; main thread only.

    Servers whose URL is set are used, the others started. ``before_workers`` gets the settings
    with every URL in it, when the servers are ready: it migrates. ``on_ready`` is told once what
    runs. ``beside`` runs in a thread of its own then, and its end is the end of the stack.

    Returns:
        The exit code: 0, or what ``beside`` returned.

    Raises:
        StandaloneError: it can't start, or another stack runs in the state folder.
    """
    with hold_state(settings.state_dir) as state_dir:
        remove_stack(state_dir)  # of a stack that was killed
        located, stages = stack_children(
            settings.model_copy(update={"state_dir": state_dir}),
            before_workers=before_workers,
            options=options or StackOptions(),
        )
        told = False

        def publish(pids: Mapping[str, int]) -> None:
            nonlocal told
            stack = _describe(located, pids)
            write_stack(state_dir, stack)
            if on_ready and not told:
                told = True
                on_ready(stack)

        supervisor = Supervisor(stages, on_change=publish)
        try:
            return supervisor.run((lambda: beside(located)) if beside else None)
        finally:
            remove_stack(state_dir)


def stack_children(
    settings: Settings,
    *,
    before_workers: Callable[[Settings], None],
    options: StackOptions,
) -> tuple[Settings, list[Stage]]:
    """The settings with every URL filled in, and what the supervisor runs, in order.

    The first call on a new state folder makes the database's files; the caller holds its lock.
    """
    state_dir = settings.state_dir
    update: dict[str, Any] = {}
    stages: list[Stage] = []
    if settings.database_url is None:
        postgres = EmbeddedPostgres(
            state_dir, options=options.postgres_options, log=_log(state_dir, "postgres", options)
        )
        stages.append([postgres.child()])
        update["database_url"] = SecretStr(postgres.url)
    bystanders = []
    if settings.redis_url is None:
        valkey = EmbeddedValkey(state_dir, log=_log(state_dir, "valkey", options))
        bystanders.append(valkey.child())
        update["redis_url"] = SecretStr(valkey.url)
    if settings.sms_gateway_url is None:
        gateway, url, token = _sms_gateway(state_dir, options)
        bystanders.append(gateway)
        update |= {"sms_gateway_url": url, "sms_gateway_token": SecretStr(token)}
    located = settings.model_copy(update=update)
    if bystanders:
        stages.append(bystanders)
    stages.append(lambda: before_workers(located))
    stages.append(_many("scheduler", _SCHEDULERS, options.scheduler(), located, options))
    if settings.pbxs:
        stages.append(_many("listener", 1, listener_command(), located, options))
    stages.append(
        _many("worker", settings.worker_processes, options.worker(located), located, options)
    )
    return located, stages


def settings_environment(settings: Settings) -> dict[str, str]:
    """The environment in which another process reads exactly these settings."""
    environment = inherited_environment()
    for name in settings.model_fields_set:
        value = getattr(settings, name)
        plain, prefixed = name.upper(), f"TRUNKLINE_{name.upper()}"
        environment.pop(plain, None)
        environment.pop(prefixed, None)
        if value is not None:
            text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            environment[plain if name in _PLAIN_NAMES else prefixed] = text
    return environment


def _sms_gateway(state_dir: Path, options: StackOptions) -> tuple[ChildSpec, str, str]:
    """The simulator's process, its URL and its bearer token."""
    identity = keep_identity(state_dir / "sms-gateway.json")
    port, journal = identity.port, state_dir / "sms-gateway.sqlite"
    spec = ChildSpec(
        name="sms-gateway",
        argv=(
            *(sys.executable, "-m", "standalone.sms_gateway"),
            *("--port", str(port), "--journal", str(journal)),
        ),
        env={**inherited_environment(), TOKEN_VARIABLE: identity.password},
        log=_log(state_dir, "sms-gateway", options),
        is_ready=lambda: accepts_connections(port),
    )
    return spec, f"http://{LOOPBACK}:{port}", identity.password


def _many(
    kind: str, count: int, argv: tuple[str, ...], settings: Settings, options: StackOptions
) -> list[ChildSpec]:
    environment = settings_environment(settings)
    return [
        ChildSpec(
            name=(name := f"{kind}-{number}"),
            argv=argv,
            env=environment,
            log=_log(settings.state_dir, name, options),
            stop_signals=((signal.SIGTERM, WORKER_STOP_S + 5),),
        )
        for number in range(1, count + 1)
    ]


def _log(state_dir: Path, name: str, options: StackOptions) -> Path | None:
    return None if options.pass_output else state_dir / "logs" / f"{name}.log"


def _describe(settings: Settings, pids: Mapping[str, int]) -> RunningStack:
    token = settings.sms_gateway_token
    return RunningStack(
        state_dir=str(settings.state_dir),
        supervisor_pid=os.getpid(),
        pids=dict(pids),
        database_url=settings.require("database_url"),
        redis_url=settings.require("redis_url"),
        sms_gateway_url=settings.require("sms_gateway_url"),
        sms_gateway_token=token.get_secret_value() if token else None,
    )
