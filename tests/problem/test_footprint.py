"""What a network needs of a memory, by hand on networks small enough for it."""

import pytest

from dse.formats.workload.load import parse_workload
from dse.problem.footprint import network_figures, peak_activation_bytes


def network(layers, head="workload: toy\ninput: [2, 4, 4]\n"):
    return parse_workload(head + "layers:\n" + "".join(f"  {line}\n" for line in layers))


def test_a_chain_holds_what_one_layer_reads_and_makes():
    chain = network(["a: {conv: 3, kernel: 1}", "b: {conv: 1, kernel: 1}"])
    assert peak_activation_bytes(chain) == 2 * (2 + 3) * 16


def test_a_shortcut_stays_alive_until_it_is_added():
    plain = ["a: {conv: 2, kernel: 1}", "b: {conv: 4, kernel: 1}", "c: {conv: 2, kernel: 1}"]
    assert peak_activation_bytes(network(plain)) == 2 * (2 + 4) * 16
    assert peak_activation_bytes(network([*plain, "d: {add: [a, c]}"])) == 2 * (2 + 4 + 2) * 16


def test_activations_work_in_place_unless_their_input_is_read_again():
    once = ["a: {conv: 3, kernel: 1}", "r: {activation: relu}"]
    assert peak_activation_bytes(network(once)) == 2 * (2 + 3) * 16
    twice = [*once, "s: {add: [a, r]}"]
    assert peak_activation_bytes(network(twice)) == 2 * (3 + 3 + 3) * 16


def test_figures_by_hand():
    head = (
        "workload: toy\ninput: [2, 4, 4]\nbits: {ifmap: 8, weight: 4, psum: 32}\nbias: true\npublished: {gflops: 1}\n"
    )
    figures = network_figures(network(["a: {conv: 3, kernel: 3, pad: 1}", "f: {fc: 5}"], head))
    macs_conv, macs_fc = 3 * 2 * 9 * 16, 48 * 5
    assert (figures["macs_conv"], figures["macs_fc"]) == (macs_conv, macs_fc)
    assert figures["gflops"] == pytest.approx(2e-9 * (macs_conv + macs_fc))
    assert figures["parameters"] == 54 + 3 + 240 + 5
    assert figures["parameter_bytes"] == (54 + 3 + 240 + 5) / 2
    moved = 54 / 2 + 240 / 2 + (32 + 48) + (48 + 5)
    assert figures["moved_bytes"] == moved
    assert figures["flop_per_byte"] == pytest.approx(2 * (macs_conv + macs_fc) / moved)
    assert figures["published_gflops"] == 1


def test_a_batch_shares_its_weights():
    one = network(["a: {conv: 3, kernel: 1}"])
    single, four = network_figures(one), network_figures(one.with_batch(4))
    assert four["parameter_bytes"] == single["parameter_bytes"]
    assert four["peak_activation_bytes"] == 4 * single["peak_activation_bytes"]
    assert four["macs"] == 4 * single["macs"]
