"""What judges said, for the review page."""

from app.components.judges.verdicts import above, records

__all__ = ["above", "records"]
