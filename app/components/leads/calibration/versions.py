"""Which policies were live, with the certificates they rest on, and the way back to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app import session, wiring
from app.components.leads.calibration.policy_diff import diff_markup, differences
from app.components.leads.signing import signed_in
from app.components.safe_html import element, esc, show
from hitl_core.domain.errors import HitlError

if TYPE_CHECKING:
    from hitl_core.loop.trust.finding import StoredCertificate
    from hitl_core.store.policies import PublishedPolicy

SHOWN = 8


def versions() -> None:
    """Draw the newest versions, the live one first, each with its certificates and the way back."""
    history = wiring.loop().policies.history()
    for version in history[:SHOWN]:
        left, right = st.columns([9, 2], gap="small", vertical_alignment="center")
        with left:
            show(line(version, certificates(version.version), live=version is history[0]))
        if version is not history[0]:
            with right, st.popover("Roll back to it", key=f"calibration.back.{version.version}"):
                back(version.version)
    if len(history) > SHOWN:
        older = f"{len(history) - SHOWN} older versions: hitl policy list"
        show(element("div", older, cls="muted"))


def certificates(version: int) -> list[StoredCertificate]:
    """Return what a version's thresholds rest on."""
    read = wiring.loop().calibration.certificates_of
    return wiring.remembered(("policy.certificates", version), lambda: read(version))


def line(version: PublishedPolicy, stored: list[StoredCertificate], *, live: bool) -> str:
    """Return a version as HTML."""
    head = element("b", f"Version {version.version}") + (element("b", " · live", cls="v-ok") if live else "")
    facts = f" · {version.created_at:%Y-%m-%d %H:%M} UTC · {esc(version.author[:60])}: {esc(version.reason[:300])}"
    proofs = "".join(element("div", certificate(each), cls="muted") for each in stored[:6])
    more = element("div", f"{len(stored) - 6} more certificates.", cls="muted") if len(stored) > 6 else ""
    return element("div", head, facts, proofs, more, cls="card")


def certificate(stored: StoredCertificate) -> str:
    """Return a certificate in a sentence, as HTML."""
    kept = stored.certificate
    about = esc(" / ".join((stored.project, *stored.where.values()))[:120])
    detail = f": {esc(stored.detail[:200])}" if stored.detail else ""
    return (
        f"Certificate {esc(kept.key[:12])} for {about}: from {kept.threshold:.3g} on, {esc(kept.claim)} at most "
        f"{kept.target_error:.1%}, {1 - kept.delta:.1%} sure (bound {kept.bound:.1%}, {kept.errors:,} wrong of n = "
        f"{kept.n:,}), {kept.coverage:.0%} go out; until {kept.expires_at:%Y-%m-%d}; {esc(stored.state)}{detail}."
    )


def back(version: int) -> None:
    """Draw what a roll back would change, and the button that does it."""
    loop = wiring.loop()
    show(diff_markup(differences(loop.policy, loop.policies.get(version).policy)))
    name = signed_in(f"calibration.back.name.{version}")
    st.text_input("Why?", key=f"calibration.back.reason.{version}", max_chars=500)
    st.button(
        f"Make version {version} live again",
        key=f"calibration.back.do.{version}",
        on_click=_roll_back,
        args=(version,),
        disabled=name is None,
    )


def _roll_back(version: int) -> None:
    name = session.reviewer()
    reason = str(st.session_state.get(f"calibration.back.reason.{version}", "")).strip()
    if name is None:
        return
    if not reason:
        st.session_state[session.CALIBRATION_SAID] = ("Not rolled back: give a reason.", False)
        return
    try:
        loop = wiring.loop().acting_as(name)
        before = loop.policies.get(version).policy
        live = loop.publish(before, reason=f"roll back to version {version}: {reason}")
        said = (f"Version {version} is live again, as policy version {live.version}.", True)
    except HitlError as error:
        said = (f"Not rolled back: {error}", False)
    st.session_state[session.CALIBRATION_SAID] = said
