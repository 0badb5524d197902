"""What differs between two policies, field by field. Pure.

Public: `Difference`, `compare_policies`.

Overrides are matched by what they select, rules by their id, and both are named that way; everything else by its path.
Rules that every policy has unless it says otherwise are compared like any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from hitl_core.domain.policy import Policy

_WHOLE = ("thresholds", "overrides", "rules", "breakers")


class Difference(NamedTuple):
    """One field that differs: its path, and its value (JSON-ready) in either policy, None where it is not there."""

    path: str
    before: Any
    after: Any


def compare_policies(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Return the fields that differ, in the order of the policy's sections; empty where both do the same.

    Thresholds are compared as they take effect, so that the shorthand `threshold` equals the table it stands for. The
    audit secret is never compared: it is in no policy that was stored. A rule or an override that only one of them has
    is one difference; where those they share are in another order, `rules.order` says so.
    """
    old, new = _sections(before), _sections(after)
    return tuple(each for section in old for each in _compare(old[section], new[section]))


def _sections(policy: Policy) -> dict[str, dict[str, Any]]:
    """Return the policy's sections; in each, a path to a value, or the name of a part to the part's own fields."""
    body = policy.to_mapping()
    found = {
        name: dict(_leaves(body.get(name), name))
        for name in Policy.model_fields
        if name not in (*_WHOLE, "threshold", "default_rules")
    }
    found["thresholds"] = dict(_leaves(_plain(policy.effective_thresholds()), "thresholds"))
    overrides = [(each.when.describe(), each) for each in policy.overrides]
    found["overrides"] = {
        f"overrides[{label}]": _plain(each, "when", "threshold")
        | {"thresholds": _plain(policy.effective_thresholds(each))}
        for label, each in _named(overrides)
    }
    rules = _named((rule.id, rule) for rule in policy.effective_rules())
    found["rules"] = {f"rules[{label}]": _plain(rule, "id") for label, rule in rules}
    breakers = _named((each.segment(), each) for each in policy.breakers)
    found["breakers"] = {f"breakers[{label}]": _plain(each) for label, each in breakers}
    order = {name: number for number, name in enumerate(Policy.model_fields)}
    return dict(sorted(found.items(), key=lambda pair: order[pair[0]]))


def _compare(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for path in [*old, *(path for path in new if path not in old)]:
        before, after = old.get(path), new.get(path)
        if path.endswith("]") and before is not None and after is not None:
            yield from _compare(dict(_leaves(before, path)), dict(_leaves(after, path)))
        elif before != after:
            yield Difference(path, before, after)
    shared = [[path for path in one if path in other and path.endswith("]")] for one, other in ((old, new), (new, old))]
    if shared[0] != shared[1]:
        named = [[path.partition("[")[2][:-1] for path in paths] for paths in shared]
        yield Difference(f"{shared[0][0].partition('[')[0]}.order", *named)


def _named(pairs: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Number what has the same name, so that nothing is lost."""
    seen: dict[str, int] = {}
    for label, value in pairs:
        seen[label] = seen.get(label, 0) + 1
        yield (label if seen[label] == 1 else f"{label} #{seen[label]}"), value


def _plain(record: Any, *without: str) -> dict[str, Any]:
    """Return a record's fields, JSON-ready, but for those that say nothing."""
    body = record.model_dump(mode="json", by_alias=True, exclude=set(without), exclude_none=True)
    return {name: value for name, value in body.items() if value != ""}


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield what lies under a path; conditions and bounds are values, tables are not."""
    is_value = path.endswith(".when") or (isinstance(value, Mapping) and set(value) == {"value", "inclusive"})
    if isinstance(value, Mapping) and value and not is_value:
        for key, child in value.items():
            yield from _leaves(child, f"{path}.{key}")
    elif value is not None:
        yield path, value
