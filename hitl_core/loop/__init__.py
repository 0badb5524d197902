"""The hallway: `Loop` passes values from room to room."""

from hitl_core.loop.hallway import Loop
from hitl_core.loop.policy_book import LivePolicy
from hitl_core.loop.reading import Counts, ItemStory, ReviewLine
from hitl_core.loop.submit import BadRow, BatchResult

__all__ = ["BadRow", "BatchResult", "Counts", "ItemStory", "LivePolicy", "Loop", "ReviewLine"]
