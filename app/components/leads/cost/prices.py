"""Prices to be tried out: they start as the live policy's, and are saved only by publishing them."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.components.leads import signing, wording
from app.components.safe_html import element, show
from hitl_core import Loop
from hitl_core.domain.errors import HitlError
from hitl_core.domain.policy import Policy
from hitl_core.domain.policy_cost import Prices

EACH, HOURLY = "a price for each", "an hourly rate"
SAID = "cost.said"
_KEYS = ("how", "human_usd", "rate_per_hour_usd", "minutes_per_review", "model_usd", "judge_usd", "escaped_error_usd")


def choose(live: Prices, seconds: float | None) -> Prices:
    """Draw the form and return the prices in it.

    Args:
        live: the live policy's.
        seconds: mean measured time of a review; None where nobody measured any.
    """
    show(element("h4", "Prices, in USD", cls="head4"))
    given: dict[str, Any] = {}
    how = st.segmented_control(
        "A review costs",
        (EACH, HOURLY),
        default=EACH if live.rate_per_hour_usd is None else HOURLY,
        key="cost.how",
        required=True,
    )
    if how == HOURLY:
        given["rate_per_hour_usd"] = _amount(
            "An hour of a reviewer", "rate_per_hour_usd", live.rate_per_hour_usd or 40.0
        )
        given["minutes_per_review"] = _minutes(live, seconds)
    else:
        given["human_usd"] = _amount("One review", "human_usd", live.human_usd, step=0.5)
    given["escaped_error_usd"] = _amount("One wrong output that gets out", "escaped_error_usd", live.escaped_error_usd)
    given["reviewer_miss"] = _share("Wrong outputs that a reviewer lets pass, %", "reviewer_miss", live.reviewer_miss)
    given["model_usd"] = _amount("Making one output", "model_usd", live.model_usd, step=0.01)
    given["judge_usd"] = _amount("Judges for one output", "judge_usd", live.judge_usd, step=0.01)
    return Prices(**given)


def saving(loop: Loop, prices: Prices) -> None:
    """Say that other prices than the live ones hold only here, and offer to publish them or to go back."""
    signing.notice(SAID)
    live = loop.policy.cost
    if prices == live:
        show(
            element(
                "div", f"These are the prices of the live policy, version {loop.policies.live().version}.", cls="muted"
            )
        )
        return
    show(element("div", "Tried out only: these prices are saved nowhere.", cls="notice info"))
    st.button("Back to the live prices", key="cost.back", on_click=forget)
    with st.expander("Publish these prices", key="cost.publishing"):
        name = signing.signed_in("cost.name")
        reason = st.text_input("Why they change", key="cost.reason", max_chars=300)
        pressed = st.button("Publish as a new policy version", key="cost.publish", disabled=name is None)
        if pressed and name is not None:
            publish(loop, prices, name, reason)


def publish(loop: Loop, prices: Prices, name: str, reason: str) -> None:
    """Make the prices part of a new version of whatever policy is live."""

    def change(policy: Policy) -> Policy:
        return policy.model_copy(update={"cost": prices})

    if not reason.strip():
        show(element("div", "Not published: say why the prices change.", cls="notice problem"))
        return
    try:
        version = loop.policies.amend(change, author=name, reason=reason.strip())
    except HitlError as error:
        st.session_state[SAID] = (f"Not published: {error}", False)
    else:
        st.session_state[SAID] = (f"Published: these prices stand in policy version {version}.", True)
        forget()
    st.rerun()


def forget() -> None:
    """Go back to the live prices."""
    for name in (*_KEYS, "reviewer_miss", "reason"):
        st.session_state.pop(f"cost.{name}", None)


def reckoned(prices: Prices) -> str:
    """Return what follows from the prices, as HTML."""
    even = f"{prices.break_even:.1%}" if prices.break_even <= 1 else "none: a review never pays"
    rows = (("one review", wording.usd(prices.review_usd)), ("break-even error rate", even))
    body = "".join(element("tr", element("td", name), element("td", value, cls="n")) for name, value in rows)
    note = "Where more outputs than that are wrong, a review is worth its price."
    return element("table", body, cls="grid") + element("div", note, cls="muted")


def _amount(label: str, name: str, value: float, *, step: float = 1.0) -> float:
    return float(
        st.number_input(label, min_value=0.0, value=float(value), step=step, format="%.2f", key=f"cost.{name}") or 0.0
    )


def _share(label: str, name: str, value: float) -> float:
    asked = st.number_input(
        label,
        0.0,
        99.0,
        100 * value,
        1.0,
        format="%.1f",
        key=f"cost.{name}",
        help="Not 0: two people disagree about 13 % of real answers.",
    )
    return round(float(asked) / 100, 6)


def _minutes(live: Prices, seconds: float | None) -> float | None:
    measured = "measure reviews, or give it" if seconds is None else f"measured: {seconds / 60:.2f}"
    start = live.minutes_per_review
    return st.number_input(
        "Minutes for one review", 0.0, value=start, step=0.5, key="cost.minutes_per_review", placeholder=measured
    )
