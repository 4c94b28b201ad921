"""Attentions of ONNX and of onnxruntime, with keys and values of earlier steps kept in a cache.

Sources: onnx.ai/onnx/operators/onnx__Attention.html and onnxruntime's ContribOperators.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from dse.errors import DseError
from dse.formats.graph.copies import shared_heads
from dse.formats.graph.graph import Heads, attention, matrix_product
from dse.formats.graph.products import Made
from dse.formats.onnx.ops import Call
from dse.formats.onnx.values import OnnxValue
from dse.problem.shapes import spelled


def _attention(call: Call) -> Made:
    """`Attention` of the standard: query, key, value, mask, past key, past value."""
    query, key, value = (call.operand(index) for index in range(3))
    if len(query.sizes) == 4:
        batch, heads, queries, features = query.sizes
        kv_heads, keys, value_features = key.sizes[1] // shared_heads(key, value), key.sizes[2], value.sizes[3]
        flat = False
    else:
        heads, kv_heads = call.int("q_num_heads", 0), call.int("kv_num_heads", 0)
        batch, queries, keys = query.sizes[0], query.sizes[1], key.sizes[1]
        features, value_features = _split(query.sizes[2], heads), _split(value.sizes[2], kv_heads)
        flat = True
    keys += _cached(call, 4)
    sizes = Heads(batch, heads, kv_heads, queries, keys, features, value_features)
    out = (batch, queries, heads * value_features) if flat else (batch, heads, queries, value_features)
    return attention(call.graph, call.name, [query, key, value, *call.others(3, 4, 5)], sizes, out), out


@dataclass(frozen=True, slots=True)
class _Inputs:
    """Which inputs of an attention of onnxruntime hold what.

    Parameters
    ----------
    past : int
        Keys of earlier steps: (batch, heads, positions, features); values stand behind them.
    more : tuple of int
        Biases and masks that are added.
    before, total : int, optional
        How many positions came before this call, or are there with those of this call. Where one is known, `past` may
        be a buffer with room for more.
    """

    past: int
    more: tuple[int, ...] = ()
    before: int | None = None
    total: int | None = None


def _multi_head(kv_attribute: str, inputs: _Inputs) -> Callable[[Call], Made]:
    """Attention over flat query, key and value (batch, positions, heads * features), or over packed ones."""

    def make(call: Call) -> Made:
        heads = call.int("num_heads", 0)
        kv_heads = call.int(kv_attribute, heads)
        reads, sizes = _unpacked(call, heads, kv_heads)
        room = _cached(call, inputs.past)
        keys = _positions(call, inputs, sizes.keys, room)
        for output, features in ((1, sizes.features), (2, sizes.value_features)):
            call.more[output] = (sizes.batch, kv_heads, max(keys, room), features)
        window = call.int("local_window_size", -1)
        if window > 0:  # all queries together reach no further back than this
            keys = min(keys, window + sizes.queries - 1)
        out = (sizes.batch, sizes.queries, heads * sizes.value_features)
        more = call.others(inputs.past, inputs.past + 1, *inputs.more)
        return attention(call.graph, call.name, [*reads, *more], replace(sizes, keys=keys), out), out

    return make


def _positions(call: Call, inputs: _Inputs, new: int, room: int) -> int:
    """Positions whose keys are multiplied, those of earlier steps included."""
    before, total = _number(call, inputs.before), _number(call, inputs.total)
    if total is None and before is not None:
        total = before + new
    if total is None:
        if room and call.int("past_present_share_buffer", 0):
            raise DseError("how much of its cache is filled is not known; --input sets the input that says it")
        return room + new
    if total < new:
        raise DseError(f"{total} positions in all are fewer than the {new} new ones")
    return total


def _number(call: Call, index: int | None) -> int | None:
    """The one number of an input, if it is known."""
    value = call.optional(index) if index is not None else None
    return int(value.data.reshape(-1)[0]) if value is not None and value.data is not None and value.data.size else None


def _unpacked(call: Call, heads: int, kv_heads: int) -> tuple[list[OnnxValue], Heads]:
    """Query, key and value, and their sizes without earlier positions.

    The first input may hold all three: (batch, positions, heads, 3, features), or flat with the heads of keys and
    values behind those of queries; the second may hold keys and values: (batch, positions, heads, 2, features).
    """
    query, key, value = call.operand(0), call.optional(1), call.optional(2)
    batch, queries = query.sizes[:2]
    if len(query.sizes) == 5 and query.sizes[2:4] == (heads, 3):
        return [query] * 3, Heads(batch, heads, kv_heads, queries, queries, query.sizes[4], query.sizes[4])
    if len(query.sizes) != 3:
        packed = "(batch, positions, heads, 3, features)"
        raise DseError(f"a query {spelled(query.sizes)} is neither flat nor packed as {packed}")
    if key is None:
        features = _split(query.sizes[2], heads + 2 * kv_heads)
        return [query] * 3, Heads(batch, heads, kv_heads, queries, queries, features, features)
    key, features = call.operand(1), _split(query.sizes[2], heads)
    if len(key.sizes) == 5 and key.sizes[2:4] == (kv_heads, 2):
        return [query, key, key], Heads(batch, heads, kv_heads, queries, key.sizes[1], features, key.sizes[4])
    if value is None:
        raise DseError(f"its values are missing, and keys {spelled(key.sizes)} do not hold them")
    value = call.operand(2)
    if len(key.sizes) == 4:  # (batch, heads, positions, features)
        return [query, key, value], Heads(batch, heads, kv_heads, queries, key.sizes[2], features, value.sizes[3])
    of_values = _split(value.sizes[2], kv_heads)
    return [query, key, value], Heads(batch, heads, kv_heads, queries, key.sizes[1], features, of_values)


def _projected(past: int, before: int | None = None, *more: int) -> Callable[[Call], Made]:
    """Attention that makes query, key and value of its input by one matrix of weights.

    Its cache holds keys and values in one: (2, batch, heads, positions, features).
    """

    def make(call: Call) -> Made:
        ifmap, weight = call.operand(0), call.operand(1)
        batch, positions, _ = ifmap.sizes
        heads = call.int("num_heads", 0)
        widths = call.ints("qkv_hidden_sizes", [weight.sizes[1] // 3] * 3)
        product, operands = matrix_product(ifmap, weight)
        shape = (batch, positions, weight.sizes[1])
        projected = call.graph.product(f"{call.name}.qkv", operands, product, shape, call.others(2))
        made = OnnxValue(shape, projected)
        features, value_features = _split(widths[0], heads), _split(widths[2], heads)
        room = _cached(call, past, 5)
        keys = _positions(call, _Inputs(past, before=before), positions, room)
        call.more[1] = (2, batch, heads, max(keys, room), features)
        sizes = Heads(batch, heads, heads, positions, keys, features, value_features)
        out = (batch, positions, widths[2])
        return attention(call.graph, call.name, [made, made, made, *call.others(past, *more)], sizes, out), out

    return make


def _split(features: int, heads: int) -> int:
    if heads < 1 or features % heads:
        raise DseError(f"{heads} heads do not divide {features} features")
    return features // heads


def _cached(call: Call, index: int, sides: int = 4) -> int:
    """Positions that the cache has room for before this call; they are its last side but one."""
    value = call.optional(index)
    if value is None:
        return 0
    if len(value.sizes) != sides:
        raise DseError(f"a cache {spelled(value.sizes)} where {sides} sides are expected")
    return value.sizes[-2]


ATTENTION: dict[tuple[str, str], Callable[[Call], Made]] = {
    ("", "Attention"): _attention,
    ("com.microsoft", "Attention"): _projected(4, 6, 5),
    ("com.microsoft", "QAttention"): _projected(8),
    ("com.microsoft", "MultiHeadAttention"): _multi_head("num_heads", _Inputs(6, (3, 5), before=8)),
    ("com.microsoft", "DecoderMaskedMultiHeadAttention"): _multi_head("num_heads", _Inputs(5, (4, 10), before=7)),
    ("com.microsoft", "GroupQueryAttention"): _multi_head("kv_num_heads", _Inputs(3, (10,), total=6)),
}
"""By domain and operation."""
