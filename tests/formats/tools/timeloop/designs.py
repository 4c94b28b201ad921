"""Four accelerators in Timeloop's v0.4, with the sizes of its example designs, and the mapping published for each.

The sizes, constraints and loops are facts of the designs in Accelergy-Project/timeloop-accelergy-exercises (April
2025); names of dims and tensors are our own. Counts of the mappings: `tests/reference/timeloop_published.csv`.
"""

PROBLEM = """
problem:
  version: 0.4
  shape:
    name: layer
    dimensions: [N, F, C, Y, X, R, S]
    coefficients: [{name: step, default: 1}]
    data_spaces:
    - {name: W, projection: [[[F]], [[C]], [[R]], [[S]]]}
    - {name: I, projection: [[[N]], [[C]], [[R], [Y, step]], [[S], [X, step]]]}
    - {name: O, projection: [[[N]], [[F]], [[Y]], [[X]]], read_write: true}
  instance: {N: 1, F: 32, C: 3, Y: 112, X: 112, R: 3, S: 3, step: 2}
"""

MAC = "  - !Component {name: mac, class: intmac, attributes: {multiplier_width: 8, adder_width: 16}}\n"

EYERISS = """
architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {type: LPDDR4, width: 64, datawidth: 8}}
  - !Container {name: eyeriss, attributes: {technology: 65nm}}
  - !Component
    name: shared_glb
    class: SRAM
    attributes: {depth: 16384, width: 64, datawidth: 8, read_bandwidth: 16, write_bandwidth: 16}
    constraints: {dataspace: {keep: [I, O], bypass: [W]}}
  - !Container
    name: column
    spatial: {meshX: 14}
    constraints: {spatial: {permutation: [N, C, Y, R, S, X, F], factors: [N=1, C=1, Y=1, R=1, S=1], split: 999}}
  - !Container
    name: PE
    spatial: {meshY: 12}
    constraints: {spatial: {permutation: [N, Y, X, R, S, C, F], factors: [N=1, Y=1, X=1, R=1], split: 0}}
  - !Parallel
    nodes:
    - !Component
      name: ifmap_spad
      class: regfile
      attributes: {depth: 12, width: 16, datawidth: 8, read_bandwidth: 2, write_bandwidth: 2}
      constraints:
        dataspace: {keep: [I]}
        temporal: {permutation: [N, F, C, Y, X, R, S], factors: [N=1, F=1, C=1, Y=1, X=1, R=1, S=1]}
    - !Component
      name: weights_spad
      class: regfile
      attributes: {depth: 192, width: 16, datawidth: 8, read_bandwidth: 2, write_bandwidth: 2}
      constraints:
        dataspace: {keep: [W]}
        temporal: {permutation: [N, F, Y, X, S, C, R], factors: [N=1, F=1, Y=1, X=1, S=1]}
    - !Component
      name: psum_spad
      class: regfile
      attributes: {depth: 16, width: 16, datawidth: 16, read_bandwidth: 2, write_bandwidth: 2}
      constraints:
        dataspace: {keep: [O]}
        temporal: {permutation: [N, C, Y, X, R, S, F], factors: [N=1, C=1, R=1, S=1, Y=1, X=1]}
""" + MAC

EYERISS_MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: F4 C1 R1 S1 N1 Y8 X2, permutation: FXYCRSN}
- {target: shared_glb, type: datatype, keep: [I, O], bypass: [W]}
- {target: shared_glb, type: temporal, factors: F1 C1 R1 S1 N1 Y14 X4, permutation: XYFCRSN}
- {target: inter_column_spatial, type: spatial, factors: X14, permutation: XFCRSNY, split: 1}
- {target: inter_PE_spatial, type: spatial, factors: C3 S3, permutation: SCFRNYX, split: 0}
- {target: weights_spad, type: temporal, factors: R3, permutation: RFCSNYX}
- {target: psum_spad, type: temporal, factors: F8, permutation: FCRSNYX}
"""

SIMBA = """
architecture:
  version: 0.4
  nodes:
  - !Container {name: simba, attributes: {datawidth: 8, technology: 45nm}}
  - !Component {name: DRAM, class: DRAM, attributes: {type: LPDDR4, width: 64}}
  - !Component
    name: GlobalBuffer
    class: SRAM
    attributes: {depth: 2048, width: 256, n_banks: 4}
    constraints: {dataspace: {keep: [I, O], bypass: [W]}}
  - !Container
    name: PE
    spatial: {meshX: 16}
    constraints: {spatial: {factors: R=1 S=1 Y=1 X=1 N=1, permutation: [F, C, R, S, Y, X, N]}}
  - !Component
    name: PEInputBuffer
    class: regfile
    attributes: {depth: 8192, width: 64}
    constraints: {dataspace: {keep: [I], bypass: [W, O]}}
  - !Container
    name: buffers
    spatial: {meshY: 4}
    constraints: {spatial: {factors: Y=1 X=1 R=1 S=1 C=1 N=1, permutation: [F, C, X, R, S, Y, N]}}
  - !Parallel
    nodes:
    - !Component
      name: PEWeightBuffer
      class: regfile
      attributes: {depth: 4096, width: 64}
      constraints: {dataspace: {keep: [W], bypass: [I, O]}}
    - !Component
      name: PEAccuBuffer
      class: regfile
      attributes: {depth: 128, width: 24, datawidth: 24}
      constraints: {dataspace: {keep: [O], bypass: [I, W]}}
    - !Nothing {constraints: {dataspace: {keep: [I]}}}
  - !Container
    name: registers
    spatial: {meshY: 4}
    constraints: {spatial: {factors: Y=1 X=1 R=1 S=1 F=1 N=1, permutation: [C, F, X, R, S, Y, N]}}
  - !Component
    name: PEWeightRegs
    class: regfile
    attributes: {depth: 1, width: 512, cluster_size: 64}
    constraints: {dataspace: {keep: [W], bypass: [I, O]}}
""" + MAC

SIMBA_MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: X28, permutation: X}
- {target: GlobalBuffer, type: temporal, factors: Y4, permutation: Y}
- {target: PE, type: spatial, factors: C3 F4, permutation: FCNYXRS, split: 2}
- {target: PEInputBuffer, type: temporal, factors: X4, permutation: X}
- {target: buffers, type: spatial, factors: F4, permutation: FNCYXRS, split: 0}
- {target: PEWeightBuffer, type: temporal, factors: R3 Y4 S3, permutation: SYR}
- {target: PEAccuBuffer, type: temporal, factors: F2 Y7, permutation: YF}
"""

STATIONARY = """
architecture:
  version: 0.4
  nodes:
  - !Component {name: DRAM, class: DRAM, attributes: {type: LPDDR4, width: 64, datawidth: 16}}
  - !Container {name: simple, attributes: {technology: 45nm}}
  - !Component
    name: shared_glb
    class: SRAM
    attributes: {depth: 16384, width: 64, datawidth: 16, read_bandwidth: 16, write_bandwidth: 16}
  - !Container
    name: PE
    spatial: {meshX: 16, meshY: 16}
    constraints: {spatial: {permutation: [C, F], split: 1, factors: [R=1, S=1, Y=1, X=1]}}
  - !Component
    name: pe_spad
    class: SRAM
    attributes: {depth: 192, width: 16, datawidth: 16}
    constraints: {dataspace: {keep: [KEPT], bypass: [I, OTHER]}, temporal: {permutation: [ORDER]}}
  - !Parallel
    nodes:
    - !Component
      name: weight_reg
      class: register
      attributes: {depth: 1, width: 16, datawidth: 16}
      constraints: {dataspace: {keep: [W]}, temporal: {factors: [R=1, S=1, F=1, C=1]}}
    - !Component
      name: input_activation_reg
      class: register
      attributes: {depth: 1, width: 16, datawidth: 16}
      constraints: {dataspace: {keep: [I]}, temporal: {factors: [Y=1, X=1, C=1, N=1]}}
    - !Component
      name: output_activation_reg
      class: register
      attributes: {depth: 1, width: 16, datawidth: 16}
      constraints: {dataspace: {keep: [O]}, temporal: {factors: [Y=1, X=1, F=1, N=1]}}
""" + MAC

OUTPUT_STATIONARY = STATIONARY.replace("KEPT", "O").replace("OTHER", "W").replace("ORDER", "R, S, Y, X")
WEIGHT_STATIONARY = STATIONARY.replace("KEPT", "W").replace("OTHER", "O").replace("ORDER", "Y, X, R, S")

OUTPUT_STATIONARY_MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: Y2 X8 F2, permutation: FXY}
- {target: shared_glb, type: datatype, keep: [W, I], bypass: [O]}
- {target: shared_glb, type: temporal, factors: X14 R3, permutation: RX}
- {target: PE, type: spatial, factors: F16, permutation: FCRSNYX, split: 0}
- {target: pe_spad, type: temporal, factors: C3 Y4 S3, permutation: SYC}
- {target: weight_reg, type: temporal, factors: Y14, permutation: Y}
"""

WEIGHT_STATIONARY_MAPPING = """
mapping:
- {target: DRAM, type: temporal, factors: X14, permutation: X}
- {target: shared_glb, type: temporal, factors: S3 Y2 F8, permutation: FYS}
- {target: PE, type: spatial, factors: C3 F4, permutation: CFRSNYX, split: 0}
- {target: pe_spad, type: temporal, factors: R3 X2 Y2, permutation: YXR}
- {target: weight_reg, type: temporal, factors: Y28 X4, permutation: XY}
"""

DESIGNS = {
    "eyeriss_like": (EYERISS, EYERISS_MAPPING),
    "simba_like": (SIMBA, SIMBA_MAPPING),
    "simple_output_stationary": (OUTPUT_STATIONARY, OUTPUT_STATIONARY_MAPPING),
    "simple_weight_stationary": (WEIGHT_STATIONARY, WEIGHT_STATIONARY_MAPPING),
}
"""Architecture and mapping, by the name of the example design."""

CYCLES = {
    "eyeriss_like": 86016, "simba_like": 225792, "simple_output_stationary": 677376, "simple_weight_stationary": 903168,
}  # fmt: skip
"""Published, of these mappings."""

JOINED = {
    "ifmap_spad": "spad", "weights_spad": "spad", "psum_spad": "spad",
    "weight_reg": "reg", "input_activation_reg": "reg", "output_activation_reg": "reg",
}  # fmt: skip
"""Stores that are partitions of one level here."""
