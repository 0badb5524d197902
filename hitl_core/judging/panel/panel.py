"""A fitted panel: votes of known judges to the probability that the output is right; frozen, kept as JSON (pure).

Public: `Panel`, `Member`, `Ballot`.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from hitl_core.domain.errors import InputError

Ballot = Literal["approve", "reject", "abstain"]
FORMAT = "hitl-panel"
VERSION = 1


@dataclass(frozen=True)
class Member:
    """How often one judge is right, and what its vote weighs.

    Attributes:
        name: of the judge.
        sensitivity: share of right outputs that it approves, shrunk towards the members' mean.
        specificity: share of wrong outputs that it rejects, shrunk likewise.
        approve, reject: log-odds that an approving and a rejecting vote add in the panel; an abstention adds nothing.
        n: labelled outputs that it gave an opinion on.
    """

    name: str
    sensitivity: float
    specificity: float
    approve: float
    reject: float
    n: int


@dataclass(frozen=True)
class Panel:
    """Weights of a committee, fitted on labelled development rows.

    Attributes:
        members: in the order of their names.
        offset: log-odds before anybody has voted, inside the panel.
        base_rate: share of right outputs in the rows.
        uses: "panel" where the panel was better than the best member beyond doubt, else "best".
        best: name of the member that was right most often.
        gain, gain_low, gain_high: accuracy of the panel minus that of the best member, across folds that were not
            fitted on, with its 95 % interval by groups.
        rows, groups: what it was fitted on.
    """

    members: tuple[Member, ...]
    offset: float
    base_rate: float
    uses: Literal["panel", "best"]
    best: str
    gain: float
    gain_low: float
    gain_high: float
    rows: int
    groups: int

    def __post_init__(self) -> None:
        names = [member.name for member in self.members]
        if not names or len(set(names)) != len(names) or self.best not in names:
            raise InputError(f"a panel needs differently named members, and its best among them; got {names}")
        if self.uses not in ("panel", "best"):
            raise InputError(f"uses must be panel or best; got {self.uses!r}")
        if not all(math.isfinite(each) for each in (self.offset, *(w for m in self.members for w in _numbers(m)))):
            raise InputError("the weights of a panel must be finite numbers")
        if not all(0 < share < 1 for share in (self.base_rate, *(s for m in self.members for s in _rates(m)))):
            raise InputError("base rate, sensitivities and specificities must lie between 0 and 1")

    def probability(self, votes: Mapping[str, Ballot]) -> float | None:
        """Return the probability that the output is right, after these votes.

        Args:
            votes: by member's name; whoever is not there abstains, and whoever is no member is not heard.

        Returns:
            float | None: None when the panel falls back to its best member and that one abstains.
        """
        if self.uses == "best":
            return self.alone(self.best, votes.get(self.best, "abstain"))
        return _logistic(self.offset + sum(_weight(each, votes.get(each.name, "abstain")) for each in self.members))

    def alone(self, name: str, vote: Ballot) -> float | None:
        """Return the probability by Bayes' rule after one member's vote; None when it abstains."""
        member = next((each for each in self.members if each.name == name), None)
        if member is None:
            raise InputError(f"the panel has no member {name!r}")
        if vote == "abstain":
            return None
        if vote == "approve":
            right, wrong = member.sensitivity, 1 - member.specificity
        else:
            right, wrong = 1 - member.sensitivity, member.specificity
        return self.base_rate * right / (self.base_rate * right + (1 - self.base_rate) * wrong)

    def to_json(self) -> str:
        """Return the panel as one line of JSON with sorted keys: equal panels have equal text."""
        return json.dumps({"format": FORMAT, "version": VERSION, **asdict(self)}, sort_keys=True, allow_nan=False)

    def digest(self) -> str:
        """Return the SHA-256 (hex) of the JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    @classmethod
    def from_json(cls, text: str) -> Panel:
        """Read what `to_json` wrote.

        Raises:
            InputError: the text is no such panel.
        """
        try:
            body: dict[str, Any] = json.loads(text)
            if body.pop("format") != FORMAT or body.pop("version") != VERSION:
                raise InputError(f"this is not a {FORMAT} of version {VERSION}")
            members = tuple(Member(**each) for each in body.pop("members"))
            return cls(members=members, **body)
        except InputError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"this is not the JSON of a panel: {type(error).__name__}: {error}"[:300]) from None


def _weight(member: Member, vote: Ballot) -> float:
    return {"approve": member.approve, "reject": member.reject}.get(vote, 0.0)


def _numbers(member: Member) -> tuple[float, ...]:
    return (member.approve, member.reject)


def _rates(member: Member) -> tuple[float, ...]:
    return (member.sensitivity, member.specificity)


def _logistic(log_odds: float) -> float:
    return 1 / (1 + math.exp(-log_odds)) if log_odds >= 0 else math.exp(log_odds) / (1 + math.exp(log_odds))
