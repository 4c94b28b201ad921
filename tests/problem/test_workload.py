"""`Workload`: totals, equal layers, batch, bits, and the graph."""

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dse.errors import DseError
from dse.problem.layer import Layer
from dse.problem.summary import layer_rows, workload_totals
from dse.problem.workload import Node, Workload

bounds = st.integers(1, 3)
shapes = st.builds(Layer, name=st.just("x"), K=bounds, C=bounds, P=bounds, Q=bounds)
workloads = st.lists(shapes, min_size=1, max_size=12).map(
    lambda layers: Workload.of("net", [layer.with_(name=f"l{i}") for i, layer in enumerate(layers)])
)


def chain():
    """input -> conv -> attention (activations as weights) -> fc, with a shortcut from conv to add."""
    conv = Layer("conv", K=4, C=3, P=5, Q=5)
    scores = Layer("scores", G=2, N=5, K=5, C=10)
    return Workload(
        "chain",
        (
            Node("input", "input", (3, 5, 5)),
            Node("conv", "conv", (4, 5, 5), ("input",), conv, extra_parameters=4),
            Node("scores", "matmul", (5, 10), ("conv",), scores, weights="activations"),
            Node("add", "add", (4, 5, 5), ("conv", "conv")),
        ),
    )


@given(workloads)
def test_distinct_groups_every_layer_once_with_its_equals(workload):
    groups = workload.distinct()
    assert sorted(name for _, names in groups for name in names) == sorted(layer.name for layer in workload.layers)
    for layer, names in groups:
        assert layer.name == names[0]
        assert {workload.layer(name).shape_key() for name in names} == {layer.shape_key()}
    assert len({layer.shape_key() for layer, _ in groups}) == len(groups)


@given(workloads, st.integers(1, 9), st.integers(1, 9))
def test_batches_do_not_pile_up(workload, first, second):
    assert workload.with_batch(first).with_batch(second) == workload.with_batch(second)
    assert workload.with_batch(first).macs == first * workload.macs
    assert workload.with_batch(first).weight_words == workload.weight_words


@given(workloads)
def test_rows_add_up_to_the_totals(workload):
    rows, totals = layer_rows(workload), workload_totals(workload)
    assert sum(row["macs"] for row in rows) == totals["macs"] == workload.macs
    assert totals["macs_conv"] + totals["macs_fc"] == totals["macs"]
    assert {row["shape_index"] for row in rows} == set(range(1, totals["distinct_shapes"] + 1))
    for row in rows:
        reuse = row["reuse_ifmap_image"] * row["reuse_ifmap_convolutional"]
        assert reuse * row["ifmap_words"] == pytest.approx(row["macs"])


def test_weights_that_are_activations_grow_with_the_batch_and_are_no_parameters():
    workload = chain()
    assert workload.weight_words == 12
    assert workload.parameters == 16
    larger = workload.with_batch(3)
    assert (larger.layer("conv").N, larger.layer("conv").G) == (3, 1)
    assert (larger.layer("scores").N, larger.layer("scores").G) == (5, 6)
    assert [row["kind"] for row in layer_rows(workload)] == ["pointwise", "matmul"]


def test_bits_and_density_change_the_operands_that_are_named():
    layer = chain().with_bits(weight=8).with_density(ifmap=0.5, psum=0.25).layer("conv")
    assert layer.bits.to_dict() == {"ifmap": 16, "weight": 8, "psum": 16}
    assert layer.density.to_dict() == {"ifmap": 0.5, "weight": 1.0, "psum": 0.25}
    with pytest.raises(DseError, match="'ofmap' is no operand"):
        chain().with_density(ofmap=0.5)
    assert chain().with_bits(ofmap=8).layer("conv").finished_bits == 8
    with pytest.raises(DseError, match="density"):
        chain().with_density(ifmap=0.0)


def test_graph_carries_nodes_and_tensors():
    graph = chain().with_batch(2).graph
    assert isinstance(graph, networkx.DiGraph)
    assert graph.nodes["conv"]["node"].layer.K == 4
    assert graph.edges["conv", "add"] == {"shape": (4, 5, 5), "words": 200}
    with pytest.raises(networkx.NetworkXError):
        graph.add_node("more")


def test_unknown_layers_suggest_the_close_ones():
    with pytest.raises(DseError, match="no layer 'conf'") as caught:
        chain().layer("conf")
    assert "'conv'" in str(caught.value)
    with pytest.raises(DseError, match="no layer 'add'"):
        chain().layer("add")
    assert chain().node("add").op == "add"


@pytest.mark.parametrize(
    ("nodes", "batch", "message"),
    [
        ((Node("a", "input", (1,)), Node("a", "input", (1,))), 1, "'a' is used twice"),
        ((Layer("a"),), 1, "a node of workload .* is a Layer, not a Node"),
        ((Node("a", "add", (1,), ("b",)), Node("b", "input", (1,))), 1, "a reads 'b', which is not before it"),
        ((Node("a", "input", (1,)),), 0, "batch=0 < 1"),
        ((Node("a", "fc", (1,), (), Layer("a", N=3)),), 2, "N=3, no multiple of batch=2"),
    ],
)
def test_a_workload_checks_itself(nodes, batch, message):
    with pytest.raises(DseError, match=message):
        Workload("net", nodes, batch)


def test_a_node_checks_itself():
    with pytest.raises(DseError, match="its layer is named b"):
        Node("a", "fc", (1,), (), Layer("b"))
    with pytest.raises(DseError, match="no elements"):
        Node("a", "input", (3, 0))


def test_to_dict_is_plain_data():
    import json

    data = json.loads(json.dumps(chain().to_dict()))
    assert data["macs"] == chain().macs
    assert [node["name"] for node in data["nodes"]] == ["input", "conv", "scores", "add"]
    assert data["nodes"][1]["layer"]["K"] == 4
