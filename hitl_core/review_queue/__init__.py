"""Who reviews what next: claims with leases and fencing tokens, priority, skips, drafts, undo."""

from hitl_core.review_queue.hooks import Hooks
from hitl_core.review_queue.queue import ReviewQueue

__all__ = ["Hooks", "ReviewQueue"]
