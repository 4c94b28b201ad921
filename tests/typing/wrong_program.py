"""Each marked line is a mistake that a type checker should find in a program of a user; see `test_typing.py`."""

import dse

layer = dse.Layer("conv", K="64")  # error
chip = dse.load_architecture(7)  # error
dse.map_layer("eyeriss", "conv3")  # error
dse.map_layer("eyeriss", layer, gap="small")  # error
dse.map_layer("eyeriss", layer, "energie")  # error
dse.map_workload("eyeriss", "alexnet", scope="net")  # error
chip.with_settings(["levels.GLB.capacity"])  # error
cost: int = dse.map_layer("eyeriss", layer)  # error
dse.map_workload("eyeriss", "alexnet", objektive="energy")  # error
dse.sweep("eyeriss", "alexnet", trials="many")  # error
dse.sweeep("eyeriss", "alexnet")  # error
