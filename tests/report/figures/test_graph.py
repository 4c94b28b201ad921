"""The figure of a network's graph."""

from itertools import pairwise

import pytest
from report.drawing.overlaps import faults

from dse.errors import DseError
from dse.formats.workload.load import load_workload
from dse.problem.workload import Node, Workload
from dse.report.figures.graph import draw_graph, graph_data, graph_figure


@pytest.mark.parametrize("name", ["alexnet", "resnet50", "inception_v3"])
def test_nodes_stand_apart_and_below_what_they_read(name):
    workload = load_workload(name)
    data = graph_data(workload)
    at = {box[0]: box[3:] for box in data.boxes}
    assert len(at) == len(workload.nodes)
    assert len(set(at.values())) == len(at)
    for node in workload.nodes:
        assert all(at[source][1] < at[node.name][1] for source in node.inputs)
    assert len(data.edges) == workload.graph.number_of_edges()


def test_long_edges_pass_no_box():
    data = graph_data(load_workload("inception_v3"))
    boxes = {box[3:] for box in data.boxes}
    inner = [point for edge in data.edges for point in edge[1:-1]]
    assert inner
    assert not boxes & set(inner)


@pytest.mark.parametrize("name", ["vgg16", "resnet50", "inception_v3", "bert_base"])
def test_a_figure_is_hardly_higher_than_wide_and_its_labels_stand_apart(name):
    figure = graph_figure(graph_data(load_workload(name)))
    width, height = figure.get_size_inches()
    assert height <= 1.3 * width
    assert faults(figure, smallest=6.5) == []


def test_no_edge_passes_behind_a_box():
    """Of a network whose graph takes three columns: long edges run in the gutters between them."""
    figure = graph_figure(graph_data(load_workload("resnet50")))
    boxes = [box.get_path().get_extents() for box in figure.axes[0].patches]
    for line in figure.axes[0].lines:
        for (x, y), (to_x, to_y) in pairwise(line.get_xydata()):
            if abs(x - to_x) > 1e-9 and abs(y - to_y) > 1e-9:
                continue  # slanted ones run from row to row
            left, right, low, high = min(x, to_x), max(x, to_x), min(y, to_y), max(y, to_y)
            assert not any(
                left < box.x1 - 0.01 and box.x0 + 0.01 < right + 1e-6 and low < box.y1 - 0.01 and box.y0 + 0.01 < high
                for box in boxes
            )


def test_files(tmp_path):
    draw_graph(graph_data(load_workload("alexnet")), tmp_path / "a.svg")
    assert "<svg" in (tmp_path / "a.svg").read_text()
    with pytest.raises(DseError, match=r"cannot write .*a\.doc"):
        draw_graph(graph_data(load_workload("alexnet")), tmp_path / "a.doc")


def test_too_many_nodes():
    nodes = tuple(Node(f"n{i}", "input", (1,)) for i in range(2001))
    with pytest.raises(DseError, match="too many to draw"):
        graph_data(Workload("many", nodes))
