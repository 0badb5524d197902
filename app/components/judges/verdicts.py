"""What judges said about the answer: verdicts, votes, reasons and cost; and how often they were right before."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from app.components.safe_html import element, esc
from app.desk import Shown
from app.wiring import ready
from hitl_core.domain.opinions import JudgeVerdict
from hitl_core.domain.records import Item
from hitl_core.judging.judge.injection import injection_flags
from hitl_core.judging.opinion import holds_back
from hitl_core.loop.judges.room import Opinions
from hitl_core.loop.judges.track_record import FEWEST, TrackRecord

WAIT_SECONDS = 0.15
_REASON = 400
_SIGNS = {"approve": ("✓", "v-ok"), "reject": ("✗", "v-no"), "abstain": ("–", "v-none")}
_WEAK = "weak: the model's own word for how sure it is"


def above(shown: Shown, passages: str) -> str:
    """Return the evidence pane as HTML: what judges said, if anybody did, above the passages."""
    return element("div", panel(shown), passages, cls="pane")


def panel(shown: Shown) -> str:
    """Return the panel as HTML; nothing where the task is to be done blind, or no judge was asked."""
    if shown.task.blind:
        return ""
    opinions = ready(shown.workup.opinions, wait=WAIT_SECONDS)
    return "" if opinions is None or not opinions.verdicts else _panel(shown.task.item, opinions)


def records(shown: Shown) -> str:
    """Return how often the model and the judges were right on similar reviewed items, as HTML."""
    head = element("h4", "Right on similar reviewed items", cls="head4")
    opinions = ready(shown.workup.opinions)
    if shown.task.blind:
        return ""
    if opinions is None:
        return head + element("div", "Looking …", cls="muted")
    known = [each for each in opinions.records if each.n >= FEWEST]
    thin = [each for each in opinions.records if each.n < FEWEST]
    rows = "".join(_record(each) for each in known)
    table = element("table", rows, cls="grid") if rows else ""
    few = ", ".join(f"{esc(each.who[:60])} ({each.n})" for each in thin[:8])
    need = element("div", f"Too few to say, under {FEWEST}: {few}.", cls="muted") if few else ""
    note = "Same project, field and model, as people found them; of what came to people, 95 % intervals."
    return head + table + need + element("div", note, cls="muted")


def _panel(item: Item, opinions: Opinions) -> str:
    said = tuple({each.judge: each for each in opinions.verdicts}.values())  # the newest of each
    recorded = element("span", "recorded", cls="tag plain") if any(each.recorded for each in said) else ""
    title = element("div", element("b", "Judges"), recorded, element("span", _cost(said), cls="muted"), cls="head")
    attack = _attack(item) if any(holds_back(each) for each in said) else ""
    return element("div", title, attack, *(_verdict(each) for each in said), cls="passage judges")


def _attack(item: Item) -> str:
    places = list(dict.fromkeys(_place(flag) for flag in injection_flags(item)[1:]))
    where = f" It stands in {esc(' and in '.join(places))}." if places else ""
    text = "<b>The text contains instructions to the judge.</b>" + where + " Its word counts for nothing here."
    return element("div", text, cls="attack")


def _place(flag: str) -> str:
    """Return where a flag such as `injection:passage.2:override` points, in plain words."""
    place = flag.split(":")[1]
    name, _, number = place.partition(".")
    return {"output": "the answer", "query": "the question", "passage": f"passage {number}"}.get(name, place)


def _verdict(verdict: JudgeVerdict) -> str:
    flags = "".join(element("span", esc(flag[:60]), cls="tag warn") for flag in verdict.flags[:4])
    head = element("div", _word(verdict.verdict), f" {esc(verdict.judge[:60])} ", _sure(verdict), flags)
    # A committee's reason counts the votes below it.
    reason = element("div", esc(verdict.reason[:_REASON]), cls="why", title=verdict.reason[:2_000])
    votes = "".join(_vote(vote.rater, vote.verdict, vote.p_correct, vote.reason) for vote in verdict.votes[:15])
    return element("div", head, reason if verdict.reason else "", votes, cls="verdict")


def _vote(rater: str, verdict: str, p_correct: float | None, reason: str) -> str:
    sure = "" if p_correct is None else element("span", f"p {p_correct:.2f}", cls="muted")
    why = element("span", esc(reason[:_REASON]), title=reason[:2_000])
    return element("div", _word(verdict), f" {esc(rater[:60])} ", sure, " ", why, cls="vote")


def _word(verdict: str) -> str:
    sign, cls = _SIGNS[verdict]
    word = {"approve": "approve", "reject": "reject", "abstain": "no verdict"}[verdict]
    return element("b", f"{sign} {word}", cls=cls)


def _sure(verdict: JudgeVerdict) -> str:
    if verdict.p_correct is None:
        return ""
    how = {"verbalised": _WEAK, "votes": "from the votes", "recorded": "as recorded"}.get(verdict.method, "")
    certified = "" if verdict.certificate else " · advice only, no valid certificate"
    return element("span", f"p right {verdict.p_correct:.2f}{certified}", cls="muted", title=how or verdict.method)


def _cost(said: Sequence[JudgeVerdict]) -> str:
    calls = sum(each.calls for each in said)
    known = [each.cost_usd for each in said if each.cost_usd is not None]
    cost = f"{sum(known, Decimal(0)):.5f} USD" if len(known) == len(said) else "cost unknown"
    return f"{calls} call{'' if calls == 1 else 's'}, {cost}"


def _record(record: TrackRecord) -> str:
    low, high = record.low or 0.0, record.high or 0.0
    share = f"{record.right / record.n:.0%} [{low:.0%}, {high:.0%}], n = {record.n}"
    name = f"{esc(record.who[:60])} ({'model' if record.kind == 'model' else 'judge'})"
    return element("tr", element("td", name), element("td", share, cls="n"))
