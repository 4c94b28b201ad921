"""The mapper's whole answers as JSON, to be compared across calls and processes.

As a program, `python -m mapper.conformance.answers EVERY forwards|backwards`, it prints those of `answers`.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from mapper.conformance.cases import pairs, problem

from dse.architecture.architecture import Architecture
from dse.errors import InfeasibleError
from dse.mapper.layer import layer_front, map_layer
from dse.problem.layer import Layer


def whole_answer(architecture: Architecture, layer: Layer) -> Any:
    """Mapping, cost and certificate of the best by two objectives and of the whole front, or why there is none.

    Numbers stay as they are: equal means equal to the last bit.
    """
    try:
        best = [map_layer(architecture, layer, objective) for objective in ("energy", "edp")]
        found = [mapped.to_dict() for mapped in (*best, *layer_front(architecture, layer))]
        for one in found:  # how much a search visits depends on the tables that earlier ones left
            for visits in ("nodes", "visited"):
                del one["certificate"][visits]
        return found
    except InfeasibleError as error:
        return str(error)


def answers(every: int, *, backwards: bool = False) -> dict[str, Any]:
    """Whole answers of one pair of spec and dataflow in so many, in either order; the dict's own order is fixed."""
    chosen = [pair for pair in pairs() if pair[1] == "own"] + pairs()[::every]
    found = {}
    for spec, flow in reversed(chosen) if backwards else chosen:
        found[f"{spec} {flow}"] = whole_answer(*problem(spec, flow, "same"))
    return dict(sorted(found.items()))


if __name__ == "__main__":
    json.dump(answers(int(sys.argv[1]), backwards=sys.argv[2] == "backwards"), sys.stdout)
