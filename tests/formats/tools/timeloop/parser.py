"""What Timeloop's two readers take, node by node, as data: read off their source.

`timeloop-model`: src/model/{arithmetic,buffer,topology}.cpp, src/mapping/{parser,constraints,arch-properties}.cpp,
src/workload/{workload,shape-models/problem-shape}.cpp, src/compound-config/compound-config.cpp of NVlabs/timeloop, of
March 2025. A number is looked up as one type: a fraction where it looks for a whole number ends the program, and so
does one that does not fit. Keys that it does not look up are passed over; none but the clock may stand there here, so
that no misspelt one does.

The front end of v0.4: pytimeloop/timeloopfe/v4 of Accelergy-Project/timeloop-python (April 2025). It takes no key that
it does not know, and the types of its `add_attr`.
"""

import re
from itertools import pairwise
from math import prod

from ruamel.yaml import YAML

TEXT, REAL, TRUTH = "text", "real", "truth"
WHOLE = range(1, 2**31)
WORDS = range(1, 2**32)
MANY = range(1, 2**64)
DIMS = dict.fromkeys("GNKCPQRS", WHOLE)
COEFFICIENTS = dict.fromkeys(("Hstride", "Wstride", "Hdilation", "Wdilation"), WHOLE)
TENSORS = ["Weights", "Inputs", "Outputs"]
RATES = dict.fromkeys(("shared_bandwidth?", "read_bandwidth?", "write_bandwidth?"), REAL)
KEPT = {"keep": [TEXT], "bypass": [TEXT]}

PROBLEM = {
    "version": {0.4},
    "shape": {
        "name": TEXT, "dimensions": [TEXT], "coefficients": [{"name": TEXT, "default": WHOLE}],
        "data_spaces": [{"name": TEXT, "projection": [[[TEXT]]], "read_write?": TRUTH}],
    },
    "instance": DIMS | COEFFICIENTS,
}  # fmt: skip

TABLES = {
    "ERT": {"version": {0.4}, "tables": [{"name": TEXT, "actions": [{"name": TEXT, "arguments": {}, "energy": REAL}]}]},
    "ART": {"version": {0.4}, "tables": [{"name": TEXT, "area": REAL}]},
}

FLAT = {
    "problem": PROBLEM,
    **TABLES,
    "architecture": {
        "global_cycle_seconds": REAL,  # passed over
        "arithmetic": {"name": TEXT, "instances": MANY, "meshX": MANY, "word_bits": WORDS},
        "storage": [{"name": TEXT, "technology": {"DRAM", "SRAM"}, "instances": MANY, "meshX": MANY, "word_bits": WORDS,
                     "block_size": WORDS, "entries?": WORDS, **RATES}],
    },
    "mapspace_constraints": [{"target": TEXT, "type": {"bypass", "temporal"}, "keep?": [TEXT], "bypass?": [TEXT],
                              "factors?": TEXT}],
    "mapping": [{"target": TEXT, "type": {"bypass", "temporal", "spatial"}, "keep?": [TEXT], "bypass?": [TEXT],
                 "factors?": TEXT, "permutation?": TEXT, "split?": range(2**32)}],
}  # fmt: skip

STORE = {"width": WHOLE, "datawidth": WHOLE, "block_size": WHOLE, "depth": WORDS, **RATES}
NODES = {
    "!Container": {
        "name": TEXT, "attributes?": {"global_cycle_seconds": REAL}, "spatial?": {"meshX": WHOLE, "meshY": WHOLE},
    },
    "!Component": {
        "name": TEXT, "class": {"DRAM", "storage", "intmac"},
        "attributes": {"width": WHOLE, "datawidth": WHOLE, "block_size?": WHOLE, "depth?": WORDS, **RATES},
        "constraints?": {"dataspace": KEPT, "temporal?": {"factors": [TEXT]}},
    },
}  # fmt: skip
V04 = {
    "problem": PROBLEM,
    **TABLES,
    "architecture": {"version": {0.4}, "nodes": NODES},
    "mapping": [{"target": TEXT, "type": {"dataspace", "temporal", "spatial"}, "keep?": [TEXT], "bypass?": [TEXT],
                 "factors?": [TEXT], "permutation?": [TEXT], "split?": range(2**31)}],
}  # fmt: skip


def joined(files, form):
    """The files of a form as one document, as the readers put them together."""
    text = "".join(text for name, text in files.items() if name.startswith(f"{form}/"))
    return YAML(typ="rt").load(text)


def check(value, wanted, where=""):
    """Whether a value is what a schema wants, which names every key; raises `AssertionError` with the place."""
    if isinstance(wanted, dict) and any(key.startswith("!") for key in wanted):
        for at, node in enumerate(value):
            check(node, wanted[node.tag.value], f"{where}[{at}]")
    elif isinstance(wanted, dict):
        optional = {key.removesuffix("?"): inner for key, inner in wanted.items()}
        for key in value:
            assert key in optional, f"{where}: {key} is not looked up"
            check(value[key], optional[key], f"{where}.{key}")
        missing = [key for key in wanted if not key.endswith("?") and key not in value]
        assert not missing, f"{where} lacks {missing}"
    elif isinstance(wanted, list):
        assert isinstance(value, list), f"{where}: {value} is no list"
        for at, item in enumerate(value):
            check(item, wanted[0], f"{where}[{at}]")
    elif isinstance(wanted, range):
        assert isinstance(value, int), f"{where}: {value} is no whole number"
        assert value in wanted, f"{where}: {value} is not in {wanted}"
    elif isinstance(wanted, set):
        assert value in wanted, f"{where}: {value} is not one of {wanted}"
    elif wanted is REAL:
        assert isinstance(value, float | int), f"{where}: {value} is no number"
        assert value >= 0, f"{where}: {value} is below 0"
    else:
        assert isinstance(value, {TEXT: str, TRUTH: bool}[wanted]), f"{where}: {value} is no {wanted}"


def check_flat(files):
    """What `timeloop-model` demands of its files, beyond their keys."""
    data = joined(files, "flat")
    check(data, FLAT)
    architecture, names = data["architecture"], [level["name"] for level in data["architecture"]["storage"]]
    storage = architecture["storage"]
    places = [architecture["arithmetic"], *storage]  # innermost first
    for place in places:
        assert place["instances"] % place["meshX"] == 0
    for inner, outer in pairwise(places):  # DeriveFanouts
        assert inner["meshX"] % outer["meshX"] == 0
        assert rows_of(inner) % rows_of(outer) == 0
    for level in storage:  # an SRAM without a size ends the program
        assert level["technology"] == "DRAM" or "entries" in level
    assert all(len(dim) == 1 for dim in data["problem"]["shape"]["dimensions"])
    check_problem(data["problem"])
    covered = dict.fromkeys(DIMS, 1)
    for said in data["mapping"]:
        assert said["target"] in names
        if said["type"] == "bypass":
            check_kept(said)
            continue
        assert sorted(said["permutation"]) == sorted(DIMS)
        trips = {dim: int(count) for dim, count in re.findall(r"([A-Za-z]+)\s*=*\s*([0-9]+)", said["factors"])}
        assert set(trips) == set(DIMS)
        covered = {dim: covered[dim] * trips[dim] for dim in DIMS}
        if said["type"] == "spatial":
            level = storage[names.index(said["target"])]
            below = places[names.index(said["target"])]
            assert below["instances"] > level["instances"]  # else there is no spatial level to target
            over = [trips[dim] for dim in said["permutation"]]
            assert prod(over[: said["split"]]) <= below["meshX"] // level["meshX"]
            assert prod(over[said["split"] :]) <= rows_of(below) // rows_of(level)
    assert covered == {dim: data["problem"]["instance"][dim] for dim in DIMS}
    for said in data["mapspace_constraints"]:
        assert said["target"] in names
    check_tables(data, [*names, architecture["arithmetic"]["name"]])
    return data


def check_nodes(files):
    """What the front end of v0.4 demands of its files, and what it makes of them for `timeloop-model`."""
    data = joined(files, "v04")
    check(data, V04)
    nodes = data["architecture"]["nodes"]
    names = [node["name"] for node in nodes]
    assert len(set(names)) == len(names)
    assert nodes[-1]["class"] == "intmac"  # the last node computes
    stores = [node for node in nodes[:-1] if node.tag.value == "!Component"]
    for store in stores:
        own = store["attributes"]
        check(own, STORE, store["name"])  # of a storage class, all of these are required
        assert own["width"] % (own["datawidth"] * own["block_size"]) == 0
        asked = store["constraints"]["dataspace"]  # of the mapper; what neither names is free
        assert not set(asked["keep"]) & set(asked["bypass"])
        (mapped,) = [said for said in data["mapping"] if (said["target"], said["type"]) == (store["name"], "dataspace")]
        # the front end lays both together, and stops where they differ
        assert all(set(asked[word]) <= set(mapped[word]) for word in ("keep", "bypass"))
    meshes = {node["name"]: node["spatial"] for node in nodes if "spatial" in node}
    check_problem(data["problem"])
    covered = dict.fromkeys(DIMS, 1)
    for said in data["mapping"]:
        assert said["target"] in (meshes if said["type"] == "spatial" else [store["name"] for store in stores])
        if said["type"] == "dataspace":
            check_kept(said)
            continue
        assert sorted(said["permutation"]) == sorted(DIMS)  # so that the split counts no dim that is put in front
        trips = {dim: int(count) for dim, _, count in (factor.partition("=") for factor in said["factors"])}
        assert set(trips) == set(DIMS)
        covered = {dim: covered[dim] * trips[dim] for dim in DIMS}
        if said["type"] == "spatial":
            over = [trips[dim] for dim in said["permutation"]]
            assert prod(over[: said["split"]]) <= meshes[said["target"]]["meshX"]
            assert prod(over[said["split"] :]) <= meshes[said["target"]]["meshY"]
    assert covered == {dim: data["problem"]["instance"][dim] for dim in DIMS}
    check_tables(data, [*(store["name"] for store in stores), nodes[-1]["name"]])
    return data


def rows_of(place):
    return place["instances"] // place["meshX"]


def check_problem(problem):
    shape = problem["shape"]
    named = {item["name"] for item in shape["coefficients"]}
    assert [space["name"] for space in shape["data_spaces"]] == TENSORS
    for space in shape["data_spaces"]:
        for axis in space["projection"]:
            for term in axis:
                assert term[0] in shape["dimensions"]
                assert len(term) == 1 or (len(term) == 2 and term[1] in named)


def check_kept(said):
    assert sorted([*said["keep"], *said["bypass"]]) == sorted(TENSORS)


def check_tables(data, names):
    """Tables name a component by what stands behind the last dot; a price of 0 for an action is one, too."""
    energies = {table["name"].rpartition(".")[2]: {action["name"] for action in table["actions"]}
                for table in data["ERT"]["tables"]}  # fmt: skip
    *stores, mac = names
    assert energies == {**{name: {"read", "write", "update", "leak"} for name in stores}, mac: {"compute"}}
    assert [table["name"].rpartition(".")[2] for table in data["ART"]["tables"]] == list(energies)
