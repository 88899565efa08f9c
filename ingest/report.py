"""What became of a run, for programs: one JSON object a line, and a summary at the end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from .pipeline import Outcome, Progress


@dataclass
class Report:
    """Counts outcomes as they come."""

    counts: dict[str, int] = field(default_factory=dict)
    """State to documents."""
    pages: int = 0
    """That were written."""
    failures: list[str] = field(default_factory=list)
    """Reasons."""
    started: float = field(default_factory=time.monotonic)

    def page(self, progress: Progress) -> dict[str, Any]:
        self.pages += 1
        return {"event": "page", "path": progress.path, "page": progress.page, "pages": progress.pages}

    def document(self, outcome: Outcome) -> dict[str, Any]:
        self.counts[outcome.state] = self.counts.get(outcome.state, 0) + 1
        if outcome.state == "failed":
            self.failures.append(outcome.reason or outcome.path)
        return {"event": "document", **outcome.to_dict()}

    def summary(self) -> dict[str, Any]:
        seconds = time.monotonic() - self.started
        return {
            "event": "summary",
            "documents": dict(sorted(self.counts.items())),
            "pages": self.pages,
            "seconds": round(seconds, 3),
            "pages_per_second": round(self.pages / max(seconds, 1e-9), 3),
        }
