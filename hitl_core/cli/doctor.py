"""`hitl doctor`: what is configured, reachable and stale."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from hitl_core.cli.context import opened_store, print_json, print_rows
from hitl_core.domain.errors import HitlError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from hitl_core.settings import Settings
    from hitl_core.store.engine import Store

ANY_PROJECT = "*"
CLOCK_TOLERANCE = timedelta(seconds=1)
WORKER_SILENCE = timedelta(minutes=2)


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `problem` is what makes the command fail."""

    name: str
    state: Literal["ok", "warning", "problem"]
    detail: str


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor")(doctor)


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say what is configured, reachable and stale; changes nothing.

    Example: hitl doctor --json

    Exit code: 0 nothing is broken (warnings say what to do), 1 something is.
    """
    from hitl_core.settings import load_settings

    settings = load_settings()
    found = [*_database(settings), _embedder(settings)]
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        print_rows(("", "state", "detail"), [(each.name, each.state, each.detail) for each in found])
    if any(each.state == "problem" for each in found):
        raise typer.Exit(1)


def _database(settings: Settings) -> Iterator[Finding]:
    from hitl_core.store import schema

    try:
        with opened_store() as store:
            kind = "SQLite" if store.is_sqlite else "PostgreSQL"
            path = store.engine.url.database
            if store.is_sqlite and not (path and Path(path).exists()):
                yield Finding("database", "warning", f"{kind}, {store.address}: not there yet; the first use makes it")
                return
            revision = schema.current(store)
            if revision != schema.HEAD:
                yield Finding(
                    "database", "problem", f"{kind}, {store.address}: schema {revision}, run: hitl db upgrade"
                )
                return
            if store.is_sqlite and path and not (os.access(path, os.W_OK) and os.access(Path(path).parent, os.W_OK)):
                yield Finding("database", "problem", f"{kind}, {store.address}: this user may not write it")
            else:
                yield Finding("database", "ok", f"{kind}, {store.address}, schema {revision}")
            yield from _contents(store, settings)
    except HitlError as error:
        yield Finding("database", "problem", str(error))


def _contents(store: Store, settings: Settings) -> Iterator[Finding]:
    now = datetime.now(UTC)
    with store.read() as tx:
        yield _policy(tx)
        yield _secret(tx, settings)
        yield _worker(tx, now)
        yield _expertise(tx)
        yield from _judges(tx, now)
        yield from _certificates(tx, now)
        if not store.is_sqlite:
            yield _clock(tx)
        yield _index(tx, store, settings)


def _policy(tx: Connection) -> Finding:
    from hitl_core.store import policies

    version = policies.live_version(tx)
    if version is None:
        return Finding("policy", "warning", "none published yet; the first use publishes the built-in one")
    live = policies.load(tx, version)
    return Finding("policy", "ok", f"version {version}, {live.name}, published by {live.author}" if live else "")


def _secret(tx: Connection, settings: Settings) -> Finding:
    from hitl_core.store import policies

    version = policies.live_version(tx)
    if policies.secret(tx, f"audit.{version}"):
        return Finding("audit secret", "ok", "from the policy")
    if settings.audit_secret:
        return Finding("audit secret", "ok", "from HITL_AUDIT_SECRET")
    if policies.secret(tx, "audit"):
        return Finding("audit secret", "ok", "made by the database")
    return Finding("audit secret", "warning", "none yet; the first use makes one")


def _worker(tx: Connection, now: datetime) -> Finding:
    from hitl_core.store.reading import overview

    seen = overview.workers_seen(tx, since=now - timedelta(days=3650))
    if not seen:
        return Finding("worker", "warning", "never seen; run: hitl up, or hitl work")
    name, moment = seen[0]
    alive = sum(now - at <= WORKER_SILENCE for _, at in seen)
    if not alive:
        return Finding("worker", "warning", f"{name} was last seen {_ago(now - moment)} ago; run: hitl work")
    return Finding("worker", "ok", f"{alive} seen in the last {_ago(WORKER_SILENCE)}, the latest {name}")


def _expertise(tx: Connection) -> Finding:
    from hitl_core.store.reading import figures

    missing = figures.unknown_expertise(tx)
    if missing:
        add = f"run: hitl reviewer add NAME --expertise {missing[0]}"
        return Finding("expertise", "warning", f"open tasks need what nobody has: {', '.join(missing)}; {add}")
    return Finding("expertise", "ok", "every open task can be taken by somebody")


def _judges(tx: Connection, now: datetime) -> Iterator[Finding]:
    from hitl_core.domain.policy import Policy
    from hitl_core.loop.judges import certifying
    from hitl_core.store import policies

    version = policies.live_version(tx)
    stored = policies.load(tx, version) if version is not None else None
    judging = Policy.from_mapping(stored.body).judging if stored else None
    if judging is None or not judging.tiers:
        yield Finding("judges", "ok", "the live policy asks none")
        return
    for name, judge in sorted(judging.judges.items()):
        if judge.api_key_env and not os.environ.get(judge.api_key_env):
            yield Finding(f"judge {name}", "warning", f"{judge.model}: the variable {judge.api_key_env} is not set")
        else:
            what = judge.model if judge.kind == "llm" else f"recorded verdicts of {judge.recorded}"
            yield Finding(f"judge {name}", "ok", what)
    held = certifying.listed(tx, judging, now)
    for tier in judging.tiers:
        mine = [each for each in held if each.certificate.judge == tier.judge]
        if not mine:
            yield Finding(f"certificate {tier.judge}", "warning", "none, so it only advises; run: hitl judge certify")
        for each in mine:
            state: Literal["ok", "warning"] = "ok" if each.status == "valid" else "warning"
            told = f"{each.certificate.project}: {each.status}" + (f", {each.reason}" if each.reason else "")
            yield Finding(f"certificate {tier.judge}", state, told)


def _certificates(tx: Connection, now: datetime) -> Iterator[Finding]:
    """Calibrators and certificates that the live policy names: items of those that do not hold go to review."""
    from hitl_core.domain.policy import Policy
    from hitl_core.loop.instruments import ended, load_instruments
    from hitl_core.store import policies

    version = policies.live_version(tx)
    stored = policies.load(tx, version) if version is not None else None
    policy = Policy.from_mapping(stored.body) if stored else Policy()
    instruments = load_instruments(tx, policy, now)
    for project, each in sorted(instruments.calibrators.items()):
        if each is not None:
            name = "calibrator" if project == ANY_PROJECT else f"calibrator of {project}"
            why = ended(each, now, policy.calibration.max_age_days)
            yield Finding(name, "warning" if why else "ok", f"{why}; items go to review" if why else each.key)
    for reason, held in sorted(instruments.standings.items()):
        name = f"certificate {reason.removeprefix('override:')}"
        if trouble := held.trouble(now):
            detail = held.detail or (f"it ended {_ago(now - held.expires_at)} ago" if held.expires_at else "")
            yield Finding(name, "warning", f"{trouble}: {detail}; items go to review, find a threshold again")
        else:
            left = f", ends in {_ago(held.expires_at - now)}" if held.expires_at else ""
            yield Finding(name, "ok", f"{held.key}{left}")


def _clock(tx: Connection) -> Finding:
    from hitl_core.store.reading import overview

    theirs = overview.clock(tx)
    off = abs(datetime.now(UTC) - theirs) if theirs else timedelta(0)
    state: Literal["ok", "warning"] = "warning" if off > CLOCK_TOLERANCE else "ok"
    remedy = "; set both by NTP, leases run by the clock of each program" if state == "warning" else ""
    return Finding("clock", state, f"{off.total_seconds():.2f} s from the database's{remedy}")


def _index(tx: Connection, store: Store, settings: Settings) -> Finding:
    from hitl_core.store.reading import figures

    folder = settings.resolve_index_dir(store.engine.url.database if store.is_sqlite else None)
    newest = figures.golden_watermark(tx)
    files = sorted(folder.glob("golden-*.index"), key=lambda path: path.stat().st_mtime)
    if not files:
        state: Literal["ok", "warning"] = "warning" if newest else "ok"
        return Finding("few-shot index", state, f"no file in {folder} yet; the worker makes it from the rows")
    try:
        with files[-1].open("rb") as stream:
            stream.readline(64)
            watermark = int(json.loads(stream.readline(8192))["watermark"])
    except (OSError, ValueError, KeyError, TypeError):
        return Finding("few-shot index", "warning", f"{files[-1]} cannot be read; it is rebuilt from the rows")
    behind = newest - watermark
    if behind < 0:
        return Finding("few-shot index", "warning", f"{files[-1]} is of another database; it is rebuilt from the rows")
    # Processes catch up from the rows by themselves; the file is only where they start.
    return Finding("few-shot index", "ok", f"{files[-1]}, {behind} changes behind the rows")


def _embedder(settings: Settings) -> Finding:
    from hitl_core.embedding.weights import MODEL_NAME, find_packaged_model, verify_weights

    if settings.embedding_model:
        return _own_embedder(settings.embedding_model.strip())
    try:
        folder = find_packaged_model()
        verify_weights(folder / "model.safetensors")
    except HitlError as error:
        return Finding("embedder", "problem", str(error))
    return Finding("embedder", "ok", f"{MODEL_NAME}, weights present, SHA-256 as published")


def _own_embedder(model: str) -> Finding:
    """Look at a model of one's own without loading it, which could take minutes or the network."""
    if Path(model).is_dir():
        return Finding("embedder", "ok", f"{model} (a local folder)")
    if Path(model).is_absolute() or model.startswith((".", "~")) or model.count("/") > 1:
        missing = f"HITL_EMBEDDING_MODEL names the folder {model}, which is not there; examples are found by words only"
        return Finding("embedder", "problem", missing)
    return Finding("embedder", "ok", f"{model} (by name; fetched on first use)")


def _ago(span: timedelta) -> str:
    seconds = span.total_seconds()
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
