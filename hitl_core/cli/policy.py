"""`hitl policy`: check a file, show what is live, publish, list."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hitl_core.cli import comparing
from hitl_core.cli.context import opened_loop, print_json, print_rows

if TYPE_CHECKING:
    from hitl_core.domain.policy import Policy

app = typer.Typer(
    help="What may go out by itself, and what needs a person.\n\nExample: hitl policy check policy.toml",
    rich_markup_mode=None,
    no_args_is_help=True,
)
comparing.register(app)
File = Annotated[Path, typer.Argument(help="A policy file (TOML).", show_default=False)]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def check(file: File, as_json: AsJson = False) -> None:
    """Read a policy file and say what is wrong with it, or what it would do.

    Example: hitl policy check policy.toml
    """
    from hitl_core.domain.policy import Policy

    policy = Policy.load(file)
    if as_json:
        print_json({"digest": policy.digest(), "policy": policy.to_mapping()})
    else:
        print(f"{file}: ok, {_summary(policy)}")


@app.command()
def show(
    version: Annotated[int | None, typer.Argument(help="A version; default the live one.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Show a published policy with every default spelt out.

    Example: hitl policy show 3
    """
    with opened_loop() as loop:
        found = loop.policies.live() if version is None else loop.policies.get(version)
    body = found.policy.to_mapping()
    if as_json:
        print_json({"version": found.version, "policy": body})
        return
    print(f"version {found.version}: {_summary(found.policy)}")
    for path, value in _leaves(body):
        print(f"{path} = {value}")


@app.command()
def publish(
    file: File,
    reason: Annotated[str, typer.Option(help="Why it changes; kept with the version.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Make a policy file live as a new version; pending work is put in its new order.

    Example: hitl policy publish policy.toml --reason "legal reviews everything above 5000 USD"
    """
    from hitl_core.domain.policy import Policy

    policy = Policy.load(file)
    with opened_loop() as loop:
        version = loop.publish(policy, reason=reason).version
    if as_json:
        print_json({"version": version})
    else:
        print(f"version {version} is live")


@app.command("list")
def list_versions(as_json: AsJson = False) -> None:
    """List the published versions, newest first.

    Example: hitl policy list
    """
    with opened_loop() as loop:
        found = loop.policies.history()
    fields = ("version", "name", "author", "created_at", "reason", "digest")
    rows = [{field: getattr(each, field) for field in fields} for each in found]
    if as_json:
        print_json(rows)
    else:
        shown = fields[:-1]
        print_rows(shown, [[_shown(row[field]) for field in shown] for row in rows])


def _summary(policy: Policy) -> str:
    bounds = [
        f"{name} {'at' if bound.inclusive else 'beyond'} {bound.value:g}"
        for name, bound in policy.effective_thresholds()
        if bound.value is not None
    ]
    rules = ", ".join(rule.id for rule in policy.effective_rules()) or "none"
    return f"policy {policy.name!r}; {', '.join(bounds)}; rules: {rules}; audit rate {policy.audit.rate:g}"


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        return [leaf for key, child in value.items() for leaf in _leaves(child, f"{path}.{key}" if path else str(key))]
    return [(path, value)]


def _shown(value: Any) -> Any:
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else value
