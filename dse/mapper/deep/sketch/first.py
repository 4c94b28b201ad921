"""The first mappings of a search: sketched for each choice of bypasses before any table of splits is made."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dse.mapper.deep.bounds.best import Best
from dse.mapper.deep.drafts import Draft
from dse.mapper.deep.leaf.orders import Goal, Incumbents
from dse.mapper.deep.sketch.sketch import AGAIN, ANEW, EVERYTHING, SOON, Kindred, SketchEffort, cost_of, sketch_mappings
from dse.mapper.shared.compilation.twins import compiled


def sketch_first(drafts: Sequence[Draft], best: Best, *, soon: bool = False) -> None:
    """Put the best of some sketched mappings into a search that knows of none; none where no sketch fits.

    Parameters
    ----------
    soon : bool
        Without what takes long: see `sketch_on`.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.deep.drafts import drafts_of
    >>> from dse.mapper.shared.incumbent import EDP
    >>> edge_npu = dse.load_architecture("edge_npu")
    >>> layer = edge_npu.lowered(dse.Layer("conv", K=128, C=64, P=28, Q=28, R=3, S=3))
    >>> _, drafts = drafts_of(edge_npu, layer, "all")
    >>> best = Best.knowing_nothing(EDP, drafts[0].problem)
    >>> sketch_first(drafts, best)
    >>> least = dse.map_layer(edge_npu, layer, "edp").cost
    >>> bool(1 - 1e-12 < best.values[0].prod() / (least.energy_pj * least.cycles) < 1.05)
    True
    """
    for draft in drafts:
        if best.has_enough_of(len(drafts)):
            return
        _sketch(draft, best, SketchEffort(SOON if soon else EVERYTHING, 0.0))


def sketch_on(drafts: Sequence[Draft], best: Best, enough: float, *, once: bool = False) -> None:
    """Try what `sketch_first` leaves where it ends soon, until a mapping is known that costs no more than is enough.

    Parameters
    ----------
    enough : float
    once : bool
        What comes first: mappings of the first choice of bypasses alone, annealed once. Without it, the others.

    Examples
    --------
    >>> import dse
    >>> from dse.mapper.deep.drafts import drafts_of
    >>> from dse.mapper.shared.incumbent import ENERGY
    >>> edge_npu = dse.load_architecture("edge_npu")
    >>> layer = edge_npu.lowered(dse.Layer("conv", K=128, C=64, P=28, Q=28, R=3, S=3))
    >>> _, drafts = drafts_of(edge_npu, layer, "all")
    >>> best = Best.knowing_nothing(ENERGY, drafts[0].problem, gap=0.05)
    >>> sketch_first(drafts, best, soon=True)
    >>> before = float(best.values[0, 0])
    >>> sketch_on(drafts, best, 0.0, once=True)
    >>> sketch_on(drafts, best, 0.0)
    >>> bool(best.values[0, 0] <= before)
    True
    """
    for at, draft in enumerate(drafts[:1] if once else drafts):
        if best.held > 0 and cost_of(best.kind, best.values[0]) <= enough:
            return
        _sketch(draft, best, SketchEffort(ANEW if once else AGAIN if at == 0 else EVERYTHING, enough))


def _sketch(draft: Draft, best: Best, effort: SketchEffort) -> None:
    """Sketch mappings of one choice of bypasses."""
    goal = Goal(best.kind, best.gap, best.until, np.inf, 0, best.stop)
    incumbents = Incumbents(best.values, best.records, best.visited, 0)
    each, masks = (draft.problem._replace(returns=False), *draft.kindred), (draft.mask, *draft.masks)
    if draft.kindred and draft.architecture.levels[0].only_finished:  # no psum comes back from there
        each, masks = draft.kindred, draft.masks
    kindred = Kindred(
        np.array([one.bits for one in each]), np.array([one.only_finished for one in each]),
        np.array(masks),
    )  # fmt: skip
    best.held = compiled(sketch_mappings)(each[0], kindred, goal, incumbents, best.held, effort)
