"""A small accelerator with a small space, and a small network: sweeps of them take a second."""

ARCH = """\
architecture: toy
technology: {table: eyeriss-isca16, node: 65 nm, clock: 200 MHz}
levels:
  DRAM: {bandwidth: 1 word/cycle, energy: 200 mac}
  GLB: {capacity: 2 KiB, stores: [ifmap, psum], bandwidth: {ifmap: 2 word/cycle, psum: 2 word/cycle}}
  array: {rows: 3, cols: 4, multicast: word, reduces: psum}
  PE: {capacity: {ifmap: 12 word, weight: 24 word, psum: 8 word}}
dataflow: row-stationary
space:
  dataflow: [weight-stationary, output-stationary, row-stationary]
  levels.array.rows: [2, 3, 4]
  levels.array.cols: {from: 2, to: 8, step: 2}
  levels.GLB.capacity: [1 KiB, 2 KiB, 4 KiB]
  levels.PE.capacity.weight: [2 word, 8 word, 24 word]
constraints: {area: {max: 1.9 mm2}}
"""

NET = """\
workload: tiny
input: [4, 8, 8]
layers:
  one: {conv: 6, kernel: 3, pad: 1}
  two: {conv: 6, kernel: 3, pad: 1}
  three: {conv: 6, kernel: 3, pad: 1}
  last: {fc: 5}
"""

SWEEP = """\
sweep: mine
arch: toy.yaml
workloads: [tiny.yaml]
batch: 2
space:
  levels.array.rows: [2, 3]
  levels.array.cols: {from: 2, to: 6, step: 2}
search: {trials: 5, sampler: random, seed: 3, objectives: [edp, area], gap: 0}
"""
