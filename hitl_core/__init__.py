"""Human-in-the-loop review of LLM and RAG outputs.

from hitl_core import Item, Loop, Passage, Review

loop = Loop.open("sqlite:///data/local/hitl.db")
decision = loop.submit(Item(query="…", context=[Passage(text="…")], output="…", confidence=0.72))
"""

from hitl_core.domain.errors import (
    ConfigurationError,
    ConflictError,
    HitlError,
    InputError,
    LeaseLostError,
    ModelUnavailableError,
    NotFoundError,
    PolicyError,
    SchemaError,
    StoreError,
    StoreUnavailableError,
    UndoRefusedError,
)
from hitl_core.domain.policy import Policy
from hitl_core.domain.records import (
    Alternative,
    Decision,
    Explanation,
    FewShot,
    GoldenExample,
    Item,
    Outcome,
    Passage,
    PriorityClass,
    Review,
    Reviewer,
    ReviewTask,
    Route,
    Stage,
)
from hitl_core.loop import Loop

__all__ = [
    "Alternative",
    "ConfigurationError",
    "ConflictError",
    "Decision",
    "Explanation",
    "FewShot",
    "GoldenExample",
    "HitlError",
    "InputError",
    "Item",
    "LeaseLostError",
    "Loop",
    "ModelUnavailableError",
    "NotFoundError",
    "Outcome",
    "Passage",
    "Policy",
    "PolicyError",
    "PriorityClass",
    "Review",
    "ReviewTask",
    "Reviewer",
    "Route",
    "SchemaError",
    "Stage",
    "StoreError",
    "StoreUnavailableError",
    "UndoRefusedError",
]
