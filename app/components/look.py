"""The app's own style sheet: calm, dense, readable; marks differ by form as well as by colour."""

from __future__ import annotations

import streamlit as st

_STYLE = """<style>
.stMainBlockContainer{padding:4.15rem 1.4rem 2rem!important;max-width:1800px}
.stMainBlockContainer>[data-testid=stVerticalBlock]{gap:.55rem}
.prose,.line{white-space:pre-wrap;overflow-wrap:anywhere;unicode-bidi:isolate}
.prose{line-height:1.52}
.muted{color:#5b6776;font-size:.86em}
.hidden-char{background:#fff0c2;border:1px solid #b98900;border-radius:3px;font:.78em monospace;padding:0 2px}
.strip{display:flex;flex-wrap:wrap;gap:.3rem .4rem;align-items:center;font-size:.86em}
.chip{background:#eef1f6;border:1px solid #dde3ec;border-radius:4px;padding:.05rem .45rem;color:#445063;
 white-space:nowrap;max-width:26rem;overflow:hidden;text-overflow:ellipsis}
.chip b{color:#1c2530;font-weight:600}
.chip.alert{background:#fdecea;border-color:#e2b4ae}
.chip.warn{background:#fff6df;border-color:#e6cf93}
.chip.demo{background:#efe6fb;border-color:#c9b2ea}
.pane{height:calc(100vh - 15.9rem);min-height:300px;overflow-y:auto;border:1px solid #d6dce5;border-radius:6px;
 padding:.55rem .8rem;background:#fff}
.pane.low{height:auto;max-height:calc(100vh - 36rem);min-height:7rem}
.pane.half{height:auto;max-height:34vh;min-height:8rem}
.opinions{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:.5rem;align-items:stretch}
.opinion{border:1px solid #d6dce5;border-top:3px solid #1f5fbf;border-radius:6px;padding:.4rem .65rem;background:#fff;
 max-height:38vh;overflow-y:auto}
.opinion .head{display:flex;flex-wrap:wrap;gap:.3rem .5rem;align-items:baseline;margin-bottom:.2rem}
.opinion .said{border-left:3px solid #d6dce5;padding-left:.5rem;margin-top:.35rem;font-size:.92em}
.head4{font-size:.76em;letter-spacing:.05em;text-transform:uppercase;color:#5b6776;margin:.1rem 0 .2rem;
 font-weight:600;padding:0}
.question{background:#f4f6f9;border-left:3px solid #1f5fbf;padding:.35rem .6rem;margin-bottom:.5rem;font-weight:600;
 max-height:7.5em;overflow-y:auto}
.above .question{margin-bottom:0;max-height:4.6em}
.s-weak{text-decoration:underline dotted #b98900 2px;text-underline-offset:3px}
.s-unsupported{background:#fdecea;text-decoration:underline wavy #c0392b 1px;text-underline-offset:3px}
.ref{font-size:.7em;color:#1f5fbf;vertical-align:super;font-weight:600;padding-left:1px}
.ref.bad{color:#b3261e}
.ref.mid{color:#8a6500}
.legend{font-size:.78em;color:#5b6776;margin-top:.6rem;border-top:1px solid #e6eaf0;padding-top:.35rem}
.passage{border:1px solid #e1e6ee;border-radius:5px;padding:.4rem .6rem;margin-bottom:.45rem}
.passage.best{border:2px solid #1f7a4d;background:#f5fbf7}
.passage .head{display:flex;gap:.5rem;align-items:baseline;font-size:.84em;color:#445063;margin-bottom:.15rem}
.passage .head .src{overflow:hidden;text-overflow:ellipsis;white-space:nowrap;flex:1;min-width:0}
.passage .tag{background:#1f7a4d;color:#fff;border-radius:3px;padding:0 .35rem;font-size:.9em;white-space:nowrap}
.judges{background:#f7f8fb;font-size:.86em}
.judges .vote,.judges .why{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.judges .vote{padding-left:.9rem}
.judges .attack{background:#fdecea;border:1px solid #d9938b;border-left:4px solid #b3261e;border-radius:4px;
 padding:.25rem .5rem;margin:.15rem 0}
.passage .tag.plain{background:#efe6fb;color:#1c2530;border:1px solid #c9b2ea}
.judges .tag.warn{background:#b3261e;margin-left:.3rem;color:#fff;border-radius:3px;padding:0 .3rem}
.v-ok{color:#14532d}
.v-no{color:#8c1d18}
.v-none{color:#5b6776}
mark.ev{background:#dff2e6;color:inherit;border-bottom:2px solid #1f7a4d}
.bar{display:inline-block;width:90px;height:8px;background:#e6eaf0;border-radius:4px;overflow:hidden;vertical-align:middle}
.bar i{display:block;height:100%;background:#1f5fbf}
.bar.neg i{background:#b3261e}
.bar.wide{width:100%}
del{background:#fdecea;color:#8c1d18;text-decoration:line-through}
ins{background:#dff2e6;color:#14532d;text-decoration:underline}
.notice{padding:.3rem .6rem;border-radius:5px;border:1px solid #b9dcc7;background:#eef9f2;font-size:.92em;
 white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.st-key-review-to-top,[data-testid=stLayoutWrapper]:has(>.st-key-review-to-top){display:none}
.st-key-review-notice{flex-wrap:nowrap!important}
.st-key-review-notice>div:last-child{min-width:0!important}
.notice.problem{border-color:#e2b4ae;background:#fdecea;white-space:normal}
.notice.info{border-color:#c9d6ea;background:#f1f6fd}
.card{border:1px solid #e1e6ee;border-radius:6px;padding:.5rem .7rem;margin-bottom:.4rem}
.card.alert{border-color:#d9938b;border-left:4px solid #b3261e;background:#fdf3f2}
.grid{width:100%;border-collapse:collapse;font-size:.92em}
.grid th{text-align:left;font-weight:600;color:#5b6776;border-bottom:1px solid #d6dce5;padding:.2rem .6rem .2rem 0}
.grid td{border-bottom:1px solid #eef1f6;padding:.25rem .6rem .25rem 0;vertical-align:top;overflow-wrap:anywhere}
.grid td.n,.grid th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.big{font-size:1.7em;font-weight:600;line-height:1.15}
.tiles{display:flex;flex-wrap:wrap;gap:.6rem}
.tile{border:1px solid #d6dce5;border-radius:6px;padding:.5rem .9rem;min-width:9rem}
.tile.alert{border-color:#d9938b;background:#fdf3f2}
.empty{border:1px dashed #b9c3d1;border-radius:8px;padding:1.4rem 1.6rem;margin-top:.6rem;background:#fafbfd}
.empty h3{margin:0 0 .4rem;font-size:1.15em}
kbd{border:1px solid #b9c3d1;border-bottom-width:2px;border-radius:3px;padding:0 .3rem;font-size:.85em;background:#fff}
[class*="st-key-review-bar"] button{min-height:2.2rem;padding:.1rem .7rem}
.who{position:fixed;top:1rem;right:4.5rem;z-index:999991;font-size:.86em;color:#445063;max-width:34rem;
 overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
[data-testid=stBaseButton-primary] kbd{color:#1f5fbf;border-color:#cfdcf1}
[data-testid=stToastContainer]{top:auto!important;bottom:1rem!important}
.stTextArea textarea{font-size:15px;line-height:1.5}
</style>"""

# Trusted code of ours: another task, or another row of buttons, must not come up scrolled out of sight.
_TO_TOP = """
let seen = "";
export default function ({ data }) {
  if (seen && seen !== data.front) document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
  seen = data.front;
}
"""


def apply() -> None:
    """Put the style sheet into the page; takes no room."""
    st.html(_STYLE)


def to_top(front: str) -> None:
    """Scroll the page up once when what is in front, by this name, is another than before; draws nothing."""
    with st.container(key="review-to-top"):
        st.components.v2.component("hitl_to_top", js=_TO_TOP)(key="review.to_top", data={"front": front})
