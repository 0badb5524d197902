"""What would change between two policies, line by line, as HTML and as rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from app.components.safe_html import element, esc

if TYPE_CHECKING:
    from hitl_core.domain.policy import Policy

_SHOWN = 40


class Difference(NamedTuple):
    """A setting and its two values; empty where it is not there."""

    name: str
    before: str
    after: str


def differences(before: Policy, after: Policy) -> list[Difference]:
    """Return the settings that differ, in the order of the policy language."""
    old, new = dict(_leaves(_named(before))), dict(_leaves(_named(after)))
    names = dict.fromkeys([*old, *new])
    return [Difference(name, old.get(name, ""), new.get(name, "")) for name in names if old.get(name) != new.get(name)]


def diff_markup(found: list[Difference]) -> str:
    """Return the differences as an HTML table."""
    if not found:
        return element("div", "Nothing would change.", cls="muted")
    head = element("tr", *(element("th", name) for name in ("setting", "live", "then")))
    rows = [
        element(
            "tr",
            element("td", esc(each.name[:200])),
            element("td", _value("del", each.before)),
            element("td", _value("ins", each.after)),
        )
        for each in found[:_SHOWN]
    ]
    more = f"{len(found) - _SHOWN} more settings change." if len(found) > _SHOWN else ""
    return element("table", head, *rows, cls="grid") + element("div", more, cls="muted")


def _value(tag: str, text: str) -> str:
    kept = "white-space:nowrap" if len(text) < 12 else ""
    return element(tag, esc(text[:200]), style=kept) if text else "–"


def _named(policy: Policy) -> dict[str, Any]:
    """Return the policy with overrides, rules and breakers by name: their place says nothing."""
    body = policy.to_mapping()
    body["overrides"] = {
        each.when.describe(): {name: value for name, value in given.items() if name != "when"}
        for each, given in zip(policy.overrides, body.get("overrides", ()), strict=True)
    }
    body["rules"] = {each.id: given for each, given in zip(policy.rules, body.get("rules", ()), strict=True)}
    body["breakers"] = {
        each.segment(): given for each, given in zip(policy.breakers, body.get("breakers", ()), strict=True)
    }
    return body


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, part in value.items():
            yield from _leaves(part, f"{name} › {key}" if name else str(key))
    elif isinstance(value, list | tuple):
        yield name, ", ".join(str(part) for part in value) or "none"
    elif value not in (None, ""):
        yield name, str(value)
