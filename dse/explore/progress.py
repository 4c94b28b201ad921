"""How far a sweep is, for whoever watches it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from dse.explore.outcomes.evaluation import Evaluation

Phase = Literal["explore", "prove", "exact"]


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is.

    Parameters
    ----------
    kind : {"explore", "prove", "exact"}
    done, total : int
        Designs of this phase; of the proof, of the space.
    evaluated : int
        Designs of this phase that were evaluated now, not found in the log.
    elapsed_s : float
        Since this phase began.
    best : Evaluation or None
        The best so far: by EDP when energy and latency are both objectives, else by the first objective.
    what : str
        What is done, in words, where `kind` does not say it.
    """

    kind: Phase
    done: int
    total: int
    evaluated: int
    elapsed_s: float
    best: Evaluation | None
    what: str = ""
