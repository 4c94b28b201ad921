"""The same machine in each of Timeloop's forms, and the rules for its stores and meshes."""

import pytest

from dse.errors import SpecError
from dse.formats.text.source import parse_source
from dse.formats.tools.timeloop.reading.flat import read_flat
from dse.formats.tools.timeloop.reading.machine import (
    Mesh,
    Store,
    Where,
    instances_of,
    mesh_between,
    read_mac,
    read_store,
)
from dse.formats.tools.timeloop.reading.nodes import TAGS, read_nodes
from dse.formats.tools.timeloop.reading.subtree import read_subtree

FLAT = """
arch:
  arithmetic: {instances: 8, meshX: 4, word-bits: 8}
  storage:
  - {name: RF, entries: 16, instances: 8, meshX: 4, word-bits: 8}
  - {name: DRAM, technology: DRAM, word-bits: 8, block-size: 8}
"""

SUBTREE = """
architecture:
  version: 0.3
  subtree:
  - name: chip
    local: [{name: DRAM, class: DRAM, attributes: {width: 64, word_bits: 8}}]
    subtree:
    - name: PE[0..7]
      local:
      - {name: RF, class: regfile, attributes: {depth: 16, width: 8, word_bits: 8, meshX: 4}}
      - {name: mac, class: intmac, attributes: {datawidth: 8, meshX: 4}}
"""

NODES = """
architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {width: 64, datawidth: 8}}
  - !Container {name: PE, spatial: {meshX: 4, meshY: 2}}
  - !Component {name: RF, class: regfile, attributes: {depth: 16, width: 8, datawidth: 8}}
  - !Component {name: mac, class: intmac, attributes: {datawidth: 8}}
"""


def parts(machine):
    return [
        (part.x, part.y) if isinstance(part, Mesh) else (part.name, part.words, part.bits, part.block, part.is_dram)
        for part in machine.parts
    ]


def test_the_three_forms_say_the_same():
    flat = read_flat(parse_source(FLAT), "arch")
    subtree = read_subtree(parse_source(SUBTREE), {})
    nodes = read_nodes(parse_source(NODES, tags=TAGS), {})
    wanted = [("DRAM", None, 8, 8, True), (4, 2), ("RF", 16, 8, 1, False)]
    assert parts(flat) == parts(subtree) == parts(nodes) == wanted
    assert [one.mac.bits for one in (flat, subtree, nodes)] == [8, 8, 8]


def where(text="{}"):
    return Where(parse_source(f"at: {text}"), ("at",))


def store(text):
    here = where(text)
    return read_store("A", here, "SRAM", here.source.data["at"])


@pytest.mark.parametrize(
    ("text", "words", "block", "cluster"),
    [
        ("{}", None, 1, 1),
        ("{depth: 8, width: 32, word_bits: 8}", 32, 4, 1),
        ("{entries: 10, block_size: 2}", 10, 2, 1),
        ("{sizeKB: 1, word_bits: 8}", 1024, 1, 1),
        ("{depth: 8, width: 32, word_bits: 8, cluster_size: 2}", 16, 2, 2),
        ("{depth: 8, width: 32, word_bits: 8, block_size: 1}", 8, 1, 4),
    ],
)
def test_capacities_blocks_and_clusters(text, words, block, cluster):
    found = store(text)
    assert isinstance(found, Store)
    assert (found.words, found.block, found.cluster) == (words, block, cluster)


def test_rates_and_buffering():
    assert store("{bandwidth: 20}").rates == {"read": 10, "write": 10}
    assert store("{shared_bandwidth: 4}").rates == {"shared": 4}
    assert store("{multiple_buffering: 2}").is_double


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{width: 20, word_bits: 8}", "holds no whole number of words"),
        ("{multiple_buffering: 3}", "multiple_buffering of 3 has no words"),
        ("{depth: two}", "depth: two is no whole number"),
        ("{mystery: 3}", "the attribute mystery has no words here"),
        ("{metadata_word_bits: 3}", "compressed tensors of Timeloop are not read"),
        ("{read_bandwidth: -1}", "read_bandwidth: -1 is no number"),
    ],
)
def test_what_a_store_cannot_be(text, message):
    with pytest.raises(SpecError, match=message):
        store(text)


def test_attributes_that_ask_for_nothing_are_let_pass():
    assert store("{has_power_gating: false, n_banks: 4, decompression_supported: false}").words is None


def test_a_compute_unit():
    here = where("{datawidth: 8, energy: 0.5}")
    assert (read_mac("m", here, "intmac", {"datawidth": 8, "energy": 0.5}).bits, here.path) == (8, ("at",))
    assert read_mac("m", here, "fpmac", {}).is_float
    assert read_mac("m", here, "intmac", {}).bits == 16


def test_meshes_lie_between_levels_of_different_numbers():
    here = where()
    assert mesh_between("m", "a", here, (2, 1), (2, 1)) is None
    mesh = mesh_between("m", "a", here, (2, 1), (8, 3))
    assert (mesh.x, mesh.y) == (4, 3)
    with pytest.raises(SpecError, match="are no multiple of"):
        mesh_between("m", "a", here, (2, 1), (3, 1))
    assert instances_of(here, "RF", {}, 6) == (6, 1)
    assert instances_of(here, "RF", {"meshX": 2}, 6) == (2, 3)
    assert instances_of(here, "RF", {"meshX": 2, "meshY": 3}, 1) == (2, 3)
    with pytest.raises(SpecError, match="no mesh of 4 columns"):
        instances_of(here, "RF", {"meshX": 4}, 6)


def test_a_mesh_has_columns_and_rows_alone():
    text = NODES.replace("meshX:", "meshx:")
    assert text != NODES
    with pytest.raises(SpecError, match="meshx of a mesh has no words here") as caught:
        read_nodes(parse_source(text, tags=TAGS), {})
    line, column = caught.value.line, caught.value.column
    assert text.splitlines()[line - 1][column - 1 :].startswith("meshx")
