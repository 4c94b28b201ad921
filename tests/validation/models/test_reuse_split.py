"""Reuse by level and kind of row-stationary nests: read off our counts, it is what the definitions give.

Source of `tests/reference/rs_reuse_split.csv`: the reuse split of the dataflow in Chen, Emer, Sze, ISCA 2016.
"""

import csv
from fractions import Fraction
from pathlib import Path

import pytest
from validation.models.isca16 import layers, published, rs

import dse

REFERENCE = Path(__file__).parents[2] / "reference" / "rs_reuse_split.csv"
PLACES = {"RF (d)": "RF", "array (c)": "array", "GLB (b)": "GLB", "DRAM (a)": "DRAM"}
KINDS = {"ifmap": ("image", "convolutional"), "weight": ("filter", "convolutional"), "psum": ("accumulation",)}


def rows():
    lines = [line for line in REFERENCE.read_text().splitlines() if not line.startswith("#")]
    return {row["level"]: row for row in csv.DictReader(lines)}


def ceil_of(a, b):
    return -(-a // b)


def derived(x, m, n, f, p, q, r, t):
    """Every cell of the table, by kind. The strips of the table are of columns, ours of rows; the layers are square."""
    av, ah = Fraction(x.P, x.box_height), Fraction(x.Q, x.box_width)
    bh = Fraction(f, (f - 1) * x.stride_h + x.R)
    return {
        "p*R*av": (p, x.R * av),
        "t*S*bh": (t, x.S * bh),
        "ceil(m/(p*t))": (ceil_of(m, p * t), 1),
        "ceil(M/m)*ah/bh": (ceil_of(x.K, m), ah / bh),
        "n*E": (n, x.P),
        "f": (1, f),
        "1": (1, 1),
        "ceil(N/n)*ceil(F/f)": (ceil_of(x.N, n), ceil_of(x.Q, f)),
        "q*R": (q * x.R,),
        "r*S": (r * x.S,),
        "ceil(C/(q*r))": (ceil_of(x.C, q * r),),
    }


def split(x, **tiles):
    """The table's factors by operand, level and kind."""
    values = derived(x, **tiles)
    found = {}
    for level, row in rows().items():
        if level in PLACES:
            cells = {"ifmap": "ifmap reuse factor", "weight": "weight reuse factor", "psum": "psum accumulation factor"}
            for operand, column in cells.items():
                factors = values[row[column]]
                assert len(factors) == len(KINDS[operand]) or set(factors) == {1}
                for kind, factor in zip(KINDS[operand], factors, strict=False):
                    found[operand, PLACES[level], kind] = factor
    return found


def counted(cost):
    return {(reuse.operand, reuse.place, reuse.kind): reuse.factor for reuse in cost.reuse}


def tiles_of(text):
    """The paper's `m=48 n=2 ...`."""
    return {key: int(value) for key, value in (pair.split("=") for pair in text.split())}


SQUARE = [
    (dse.Layer("stride 4", N=2, K=96, C=3, P=55, Q=55, R=11, S=11, stride_h=4, stride_w=4),
     "m=48 n=2 f=11 p=8 q=1 r=1 t=2"),
    (dse.Layer("5 x 5", N=8, K=128, C=48, P=27, Q=27, R=5, S=5), "m=64 n=4 f=9 p=8 q=2 r=2 t=2"),
    (dse.Layer("3 x 3", N=4, K=384, C=256, P=13, Q=13, R=3, S=3), "m=96 n=4 f=13 p=16 q=4 r=2 t=2"),
    (dse.Layer("small strips", N=2, K=12, C=12, P=12, Q=12, R=3, S=3), "m=6 n=1 f=4 p=3 q=2 r=3 t=2"),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "mapping"), SQUARE, ids=[layer.name for layer, _ in SQUARE])
def test_the_split_is_exact_where_every_tile_divides(layer, mapping):
    tiles = tiles_of(mapping)
    architecture, layer, nest = rs(layer, 4096, **tiles)
    found = counted(dse.evaluate(architecture, layer, nest))
    wanted = split(layer, **tiles)
    assert set(found) == set(wanted) - {("weight", "GLB", kind) for kind in KINDS["weight"]}  # they go past it
    assert all(wanted[key] == 1 for key in set(wanted) - set(found))
    assert found == {key: wanted[key] for key in found}


@pytest.mark.parametrize("case", [x for x in published() if x.dataflow == "RS" and x.layer <= 5],
                         ids=lambda x: f"conv{x.layer}-batch{x.batch}-pes{x.pes}")  # fmt: skip
def test_at_the_published_mappings_ragged_tiles_have_less(case):
    """The formulas take every tile for a full one; counts are of true sizes. Only the halo of a short last strip, a
    factor below 1, is the smaller for it."""
    tiles = tiles_of(case.reference["mapping"])
    layer = layers()[case.layer - 1].with_(N=case.batch)
    found, wanted = counted(case.cost), split(layer, **tiles)
    halo = ("ifmap", "DRAM", "convolutional")
    for key, factor in found.items():
        if key != halo:
            assert factor <= wanted[key], key
    assert 1 <= found[halo] / wanted[halo] < 1.04
    assert found["weight", "RF", "filter"] == tiles["n"]
    if layer.P % tiles["f"] == 0:
        assert found[halo] == wanted[halo]
        assert found["weight", "array", "convolutional"] == tiles["f"]
