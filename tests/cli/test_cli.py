"""The command line: what it prints, how it exits, and what it refuses."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from io import StringIO

import pytest
from called import called
from explore.toy import ARCH, NET, SWEEP
from thinned import thinned

from dse.cli.main import VERBS, run
from dse.explore.outcomes.log import FILE_NAME

HEAVY = (
    "optuna",
    "pandas",
    "matplotlib",
    "plotly",
    "numba",
    "scipy",
    "rich",
    "pydantic",
    "networkx",
    "numpy",
    "ruamel",
)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A directory with the toy files, which is the current one."""
    (tmp_path / "toy.yaml").write_text(ARCH)
    (tmp_path / "tiny.yaml").write_text(NET)
    (tmp_path / "mine.yaml").write_text(SWEEP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def dse(capsys):
    """Run a command line in this process; gives exit code, output and error output."""

    def call(line):
        code = run(line.split())
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.mark.parametrize("line", ["import dse", "from dse.cli.main import run; run(['--help'])"])
def test_starting_loads_nothing_heavy(line):
    program = f"import sys; {line}; print(*[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stderr.split() == []


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_has_an_example_and_loads_nothing_heavy(verb):
    program = (
        f"import sys; from dse.cli.main import run; run(['{verb}', '--help']);"
        f"print(*[m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert f"\n    dse {verb} " in result.stdout
    assert "Example" in result.stdout
    assert result.stderr.split() == []


def test_help_lists_every_verb_with_its_own_first_line(dse):
    code, out, _ = dse("--help")
    assert code == 0
    assert re.findall(r"^  ([\w-]+)  ", out.split("Commands:")[1], re.M) == list(VERBS)


def test_the_installed_command_runs():
    result = subprocess.run([sys.executable, "-m", "dse", "--version"], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert "0.1.0" in result.stdout


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("swep toy.yaml", 2, "did you mean 'sweep'"),
        ("frobnicate", 2, "one of: sweep, evaluate"),
        ("evaluate toy.yaml", 2, "WORKLOAD is missing"),
        ("evaluate toy.yaml tiny.yaml --objective cost", 2, "'cost' is not one of"),
        ("evaluate toy.yaml tiny.yaml --batch 0", 2, "batch"),
        ("evaluate toy.yaml tiny.yaml --scope net", 2, "'net' is not one of"),
        ("evaluate toy.yaml tiny.yaml --max-latency 5ms", 2, "add --scope network"),
        ("evaluate toy.yaml tiny.yaml --scope network --max-latency 5", 2, "--max-latency: 5 has no unit"),
        ("evaluate toy.yaml tiny.yaml --scope network --max-energy 5mac", 2, "not an energy"),
        ("evaluate toy.yaml tiny.yaml --scope network --max-latency 1ns", 1, "above the limit of 1e-06 ms"),
        ("evaluate toy.yaml missing.yaml", 2, "there is no file missing.yaml"),
        ("evaluate toy.yaml vgg61", 2, "did you mean 'vgg1"),
        ("evaluate toy.yaml tiny.yaml --layer won", 2, "has no layer 'won'"),
        ("evaluate toy.yaml tiny.yaml --set levels.GLB.capacty=64KiB", 2, "did you mean 'levels.GLB.capacity'"),
        ("evaluate toy.yaml tiny.yaml --set levels.GLB.capacity", 2, "not PATH=VALUE"),
        ("evaluate toy.yaml tiny.yaml --set levels.GLB.capacity=64KB", 2, "ambiguous"),
        ("evaluate toy.yaml tiny.yaml --dataflow row-stationery", 2, "did you mean 'row-stationary'"),
        ("evaluate toy.yaml tiny.yaml --set levels.PE.capacity.weight=1word", 1, "infeasible"),
        ("map toy.yaml tiny.yaml one --dataflow row-stationary --set levels.PE.capacity.ifmap=2word", 1, "infeasible"),
        ("show nothing.yaml", 2, "there is no file nothing.yaml"),
        ("schema workloads", 2, "'workloads' is not one of"),
        ("report .", 2, "holds no sweep"),
        ("sweep toy.yaml", 2, "sweep"),
        ("sweep toy.yaml tiny.yaml --objectives energy,money", 2, "'money' is not one of"),
        ("sweep toy.yaml tiny.yaml --trials 0", 2, "trials"),
        ("sweep toy.yaml tiny.yaml tiny.yaml", 2, "given twice"),
        ("sweep toy.yaml tiny.yaml -o toy.yaml", 2, "toy.yaml"),
    ],
)
def test_bad_usage_is_one_clear_message(dse, folder, line, code, message):
    got, out, err = dse(line)
    assert (got, out) == (code, "")
    assert message in err
    assert "Traceback" not in err
    assert not (folder / "results").exists() or not any((folder / "results").rglob("*.jsonl"))


def test_an_error_in_a_file_names_its_place(dse, folder):
    (folder / "bad.yaml").write_text(NET.replace("{conv: 6, kernel: 3, pad: 1}", "{conv: 6, kernle: 3}", 1))
    code, _, err = dse("show bad.yaml")
    assert code == 2
    assert "\nbad.yaml:4:18: unknown key 'kernle'" in err
    assert "did you mean 'kernel'?" in err


def test_a_bug_is_reported_without_a_traceback(dse, folder, monkeypatch):
    def broken(path):
        raise RuntimeError("of all things")

    monkeypatch.setattr("dse.formats.architecture.load.load_architecture_spec", broken)
    code, _, err = dse("evaluate toy.yaml tiny.yaml")
    assert code == 1
    assert err.startswith("internal error: RuntimeError: of all things")
    monkeypatch.setenv("DSE_TRACEBACK", "1")
    with pytest.raises(RuntimeError):
        run(["evaluate", "toy.yaml", "tiny.yaml"])


def test_evaluate_gives_the_contracts_json(dse, folder):
    code, out, _ = dse("evaluate toy.yaml tiny.yaml --format json")
    assert code == 0
    plain = json.loads(out)
    assert set(plain) >= {
        "arch", "workload", "energy_pj", "cycles", "latency_s", "edp_js", "area_mm2", "macs", "layers",
    }  # fmt: skip
    assert (plain["arch"], plain["workload"]) == ("toy", "tiny")
    assert plain["macs"] == 6 * 8 * 8 * 9 * (4 + 6 + 6) + 5 * 6 * 8 * 8
    for key in ("energy_pj", "cycles", "macs"):
        assert plain[key] == pytest.approx(sum(layer[key] * layer["count"] for layer in plain["layers"]), rel=1e-12)
    assert plain["latency_s"] == pytest.approx(plain["cycles"] / 200e6)
    assert plain["edp_js"] == pytest.approx(plain["energy_pj"] * 1e-12 * plain["latency_s"])
    assert [(layer["name"], layer["count"]) for layer in plain["layers"]] == [("one", 1), ("two", 2), ("last", 1)]
    for layer in plain["layers"]:
        assert set(layer) >= {
            "name", "count", "macs", "energy_pj", "cycles", "utilization", "bound_by", "energy_by_level_pj",
            "energy_by_operand_pj", "accesses", "reuse", "mapping", "certificate",
        }  # fmt: skip
        assert set(layer["accesses"]["GLB"]["psum"]) == {"reads", "writes"}
        for split in ("energy_by_level_pj", "energy_by_operand_pj"):
            assert sum(layer[split].values()) == pytest.approx(layer["energy_pj"])


def test_evaluate_in_a_table_and_in_csv(dse, folder):
    _, text, _ = dse("evaluate toy.yaml tiny.yaml")
    _, rows, _ = dse("evaluate toy.yaml tiny.yaml --format csv")
    assert text.startswith("tiny on toy: figures of one layer each, in the total as often as it occurs\nlayer ")
    assert "total: 57,216 MACs" in text
    assert [row["name"] for row in csv.DictReader(StringIO(rows))] == ["one", "two", "last"]


def test_evaluate_obeys_its_options(dse, folder):
    def total(options):
        _, out, _ = dse(f"evaluate toy.yaml tiny.yaml --format json {options}")
        return json.loads(out)

    base = total("")
    assert total("--objective latency")["cycles"] <= base["cycles"] <= total("--objective energy")["cycles"]
    assert total("--objective energy")["energy_pj"] <= base["energy_pj"]
    assert total("--factors perfect")["edp_js"] >= base["edp_js"] * (1 - 1e-9)
    assert total("--batch 3")["macs"] == 3 * base["macs"]
    assert [layer["name"] for layer in total("--layer two --layer one")["layers"]] == ["two", "one"]
    assert total("--set levels.GLB.capacity=4KiB")["area_mm2"] > base["area_mm2"]
    assert total("--dataflow weight-stationary")["energy_pj"] != base["energy_pj"]
    assert total("--gap 0.5")["edp_js"] <= base["edp_js"] * 1.6


def test_evaluate_in_the_scope_of_the_network(dse, folder):
    def total(options):
        code, out, err = dse(f"evaluate toy.yaml tiny.yaml --format json {options}")
        assert code == 0, err
        return json.loads(out)

    each, whole = total(""), total("--scope network")
    assert (each["scope"], each["certificate"]) == ("layer", None)
    assert set(whole) == set(each)
    assert {*whole["layers"][0]} == {*each["layers"][0]}
    assert whole["scope"] == "network"
    assert whole["edp_js"] <= each["edp_js"] * (1 + 1e-12)
    proof = whole["certificate"]
    assert proof["value"] == proof["lower_bound"] == pytest.approx(whole["energy_pj"] * whole["cycles"])
    assert (proof["layers"], proof["distinct"], proof["max_cycles"]) == (4, 3, None)
    limit = whole["latency_s"] * 1.01
    lean = total(f"--scope network --objective energy --max-latency {limit * 1e3}ms")
    assert lean["latency_s"] <= limit * (1 + 1e-11)
    assert lean["energy_pj"] <= whole["energy_pj"] * (1 + 1e-11)
    for key in ("energy_pj", "cycles", "macs"):
        assert lean[key] == pytest.approx(sum(layer[key] * layer["count"] for layer in lean["layers"]), rel=1e-12)
    fast = total(f"--scope network --objective latency --max-energy {lean['energy_pj']}pJ")
    assert fast["latency_s"] <= lean["latency_s"] * (1 + 1e-11)
    _, text, _ = dse("evaluate toy.yaml tiny.yaml --scope network --max-energy 1J --save nests.yaml")
    said = "proof: no other choice of mappings has a lower energy-delay product of the network within 1.00 J"
    assert said in " ".join(text.split())
    assert dse("evaluate toy.yaml tiny.yaml --mapping nests.yaml")[0] == 0


def test_map_prints_the_nest_with_its_proof(dse, folder):
    code, out, _ = dse("map toy.yaml tiny.yaml two")
    assert code == 0
    assert out.startswith("two on toy, row-stationary: K=6 C=6 P=8 Q=8 R=3 S=3, 20,736 MACs")
    for part in ("DRAM holds ", "GLB holds ", "PE holds ", "parallel-for ", "for s in 3", "multiply and add", "proof "):
        assert part in out
    assert re.search(r"psum +(PE|array|GLB) +\w+ +accumulation", out)
    _, plain, _ = dse("map toy.yaml tiny.yaml two --format json")
    plain = json.loads(plain)
    assert plain["certificate"]["lower_bound"] == pytest.approx(plain["certificate"]["value"])
    assert [node.get("level") or node["fan_out"] for node in plain["mapping"]] == ["DRAM", "GLB", "array", "PE"]


def test_show_finds_out_what_a_file_is(dse, folder):
    assert dse("show toy.yaml")[1].startswith("toy, row-stationary\npart ")
    assert "space of 324 designs" in dse("show toy.yaml")[1]
    assert "4 layers of 3 shapes, batch 1: 57,216 MACs" in dse("show tiny.yaml")[1]
    assert "5 trials, sampler random, seed 3, minimising edp, area" in dse("show mine.yaml")[1]
    assert json.loads(dse("show toy.yaml --format json")[1])["mac_units"] == 12
    assert json.loads(dse("show tiny.yaml --format json")[1])["macs"] == 57216
    assert json.loads(dse("show mine.yaml --format json")[1])["search"]["trials"] == 5
    assert dse("show vgg16")[1].startswith("vgg16")
    (folder / "odd.yaml").write_text("sweep: a\nworkload: b\n")
    assert "neither an architecture" in dse("show odd.yaml")[2]


@pytest.mark.parametrize("kind", ["arch", "workload", "sweep"])
def test_schemas_are_json_schemas(dse, kind):
    plain = json.loads(dse(f"schema {kind}")[1])
    assert plain["type"] == "object"
    assert {"arch": "levels", "workload": "layers", "sweep": "workloads"}[kind] in plain["properties"]


def test_verify_compares_every_count(dse, folder, monkeypatch):
    code, out, err = dse("verify toy.yaml tiny.yaml --macs 3000")
    assert code == 0
    assert re.search(r"all \d+ counts are equal\n", out)
    assert re.search(r"walking 9 mappings, [\d,]+ MACs in all: about \d+ s\n", err), "said before it starts"
    from dse.model.counting import counts

    honest = counts.count

    def wrong(layer, architecture, mapping):
        return honest(layer.with_(stride_h=layer.stride_h + 1), architecture, mapping)

    monkeypatch.setattr(counts, "count", wrong)
    code, out, _ = dse("verify toy.yaml tiny.yaml --macs 3000")
    assert code == 1
    assert re.search(r"\d+ of \d+ counts differ", out)


def test_verify_checks_a_sample(dse, folder):
    code, out, _ = dse("verify toy.yaml tiny.yaml --macs 1000 --sample 2 --seed 5 --format json")
    plain = json.loads(out)
    assert code == 0
    assert len(plain["mappings"]) == plain["summary"]["compared"] == 2
    assert plain["verdict"].endswith("(2 of the network's 9 mappings compared, 2 drawn as a sample)")


def test_verify_ends_in_time_and_says_what_was_compared(dse, folder):
    code, out, err = dse("verify toy.yaml tiny.yaml --batch 64 --macs 100000000 --time-limit 1s --format json")
    plain = json.loads(out)
    assert "--time-limit make it less" not in err
    assert code == 1, "nothing could be compared"
    assert plain["verdict"].startswith("nothing was compared")
    assert plain["summary"]["stopped"] + plain["summary"]["not_begun"] == plain["summary"]["planned"] == 9
    assert dse("verify toy.yaml tiny.yaml --time-limit soon")[0] == 2


def test_verify_names_what_makes_a_long_check_shorter(dse, folder, monkeypatch):
    monkeypatch.setattr("dse.report.check.expected_seconds", lambda *_: 7300.0)
    _, _, err = dse("verify toy.yaml tiny.yaml --macs 200")
    assert "about 2 h 01 min; --sample, --macs and --time-limit make it less" in err


@pytest.mark.parametrize("in_compiled_code", [False, True])
def test_an_interrupted_verify_says_what_was_compared(dse, folder, monkeypatch, in_compiled_code):
    from dse.report import check as module

    honest, done = module.check, []

    def interrupted(*arguments):
        if len(done) == 2 and in_compiled_code:
            raise SystemError("returned a result with an exception set") from KeyboardInterrupt()
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(honest(*arguments))
        return done[-1]

    monkeypatch.setattr(module, "check", interrupted)
    code, out, _ = dse("verify toy.yaml tiny.yaml --macs 500")
    assert code == 130
    said = r"interrupted: all \d+ counts are equal \(2 of the network's 9 mappings compared, 7 not begun\)"
    assert re.search(said, " ".join(out.split()))


def test_sweep_writes_its_directory_and_prints_the_front(dse, folder):
    code, out, err = dse("sweep toy.yaml tiny.yaml --trials 8 --jobs 0")
    assert (code, err) == (0, "")
    assert "Front of toy-tiny in energy, latency, area:" in out
    assert "toy as specified:" in out
    held = {path.name for path in (folder / "results" / "toy-tiny").iterdir()}
    drawn = {"cards.json", "front.png", "report.html"}
    assert held == drawn | {"evaluations.jsonl", "front.csv", "summary.json", "sweep.yaml"}
    spent = json.loads((folder / "results" / "toy-tiny" / "summary.json").read_text())["cpu_split_s"]
    assert set(spent) == {"sampler", "designs", "bounds", "contests", "mapping", "log", "cards", "figure", "page"}
    assert min(spent[part] for part in ("mapping", "designs", "cards", "figure", "page")) > 0
    assert dse("sweep toy.yaml tiny.yaml --trials 8 --jobs 0")[0] == 2
    code, _, err = dse("sweep toy.yaml tiny.yaml --trials 8 --jobs 0 --resume")
    assert code == 0
    assert "evaluations were in the log already" in err
    assert dse("sweep results/toy-tiny/sweep.yaml -o again --jobs 0")[0] == 0
    assert (folder / "again" / "front.csv").read_text() == (folder / "results/toy-tiny/front.csv").read_text()
    many = list(csv.DictReader(StringIO(dse("report again --mappings --format csv")[1])))
    rows = list(csv.DictReader(StringIO(dse("report again --format csv")[1])))
    assert len(many) == sum(int(row["mappings"]) for row in rows)
    assert rows == list(csv.DictReader((folder / "again" / "front.csv").open()))
    assert json.loads(dse("report again --format json")[1])["front"][0]["proven"] == "exact"
    proof = next(line for line in out.splitlines() if line.startswith("no other design of the"))
    assert proof in dse("report again")[1]


def test_a_sweep_without_a_space_says_that_nothing_is_searched(dse, folder):
    (folder / "alone.yaml").write_text(ARCH[: ARCH.index("space:")])
    code, out, err = dse("sweep alone.yaml tiny.yaml --jobs 0")
    assert code == 0
    assert "toy states no `space:`, so nothing is searched" in err
    assert "in energy, latency, area: 1 design\n" in out


def test_a_sweep_in_which_nothing_works_says_why(dse, folder):
    (folder / "small.yaml").write_text(ARCH.replace("max: 1.9 mm2", "max: 0.1 mm2"))
    code, out, err = dse("sweep small.yaml tiny.yaml --trials 4 --jobs 0")
    assert (code, out) == (1, "")
    said = r"area above the maximum of 0.1 mm2 \([\d.]+ to [\d.]+ mm2\): \d+ designs"
    assert re.search(rf"infeasible: none of the \d+ designs works: {said}", err)


def test_a_network_for_which_nothing_works_does_not_keep_others_from_their_sweep(dse, folder):
    """Of a front for each network, the first has none: the second is searched all the same."""
    (folder / "large.yaml").write_text(NET.replace("tiny", "large", 1).replace("conv: 6", "conv: 48"))
    (folder / "each.yaml").write_text(
        "sweep: each\narch: toy.yaml\nworkloads: [large.yaml, tiny.yaml]\nfronts: each\n"
        "constraints: {energy: {max: LIMIT}}\nsearch: {trials: 2, sampler: random}\n"
    )
    found = {name: min(float(row["energy_pj"]) for row in csv.DictReader(StringIO(
        dse(f"sweep toy.yaml {name}.yaml --trials 2 --sampler random --objectives energy --jobs 0 --format csv")[1]
    ))) for name in ("large", "tiny")}  # fmt: skip
    limit = (found["large"] + found["tiny"]) / 2
    (folder / "each.yaml").write_text((folder / "each.yaml").read_text().replace("LIMIT", f"{limit:.6g} pJ"))
    code, out, err = dse("sweep each.yaml --jobs 0 --no-prove")
    assert code == 1
    assert "each-large: none of the " in err
    assert "energy above the maximum of " in err
    assert "no design works for 1 of the 2 networks" in err
    assert "Front of each-tiny in " in out
    assert "limits: energy at most " in out


def test_a_damaged_log_is_reported_with_its_line(dse, folder):
    dse("sweep toy.yaml tiny.yaml --trials 4 --jobs 0 -o out")
    lines = (folder / "out" / FILE_NAME).read_text().splitlines(keepends=True)
    (folder / "out" / FILE_NAME).write_text("".join([lines[0], "garbage\n", *lines[2:]]))
    code, _, err = dse("sweep toy.yaml tiny.yaml --trials 4 --jobs 0 -o out --resume")
    assert code == 0
    assert f"{FILE_NAME}:2: not JSON; skipped" in err


@pytest.mark.skipif(os.name == "nt", reason="needs POSIX signals")
@pytest.mark.parametrize("number", thinned([signal.SIGTERM, signal.SIGINT, signal.SIGHUP], 3))
def test_an_interrupted_sweep_says_how_to_go_on(folder, number):
    (folder / "large.yaml").write_text(ARCH.replace("rows: [2, 3, 4]", "rows: {from: 2, to: 60, step: 1}"))
    command = [
        sys.executable,
        "-m",
        "dse",
        "sweep",
        "large.yaml",
        "tiny.yaml",
        "--trials",
        "100000",
        "--jobs",
        "1",
        "-o",
        "out",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log, deadline = folder / "out" / FILE_NAME, time.monotonic() + 300
    while not log.exists() or log.read_bytes().count(b"\n") < 3:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert "go on with: dse sweep out/sweep.yaml -o out --resume" in err
    assert "Traceback" not in err
    assert log.read_bytes().endswith(b"\n")
    report = called("report", "out", cwd=folder)
    assert report.returncode == 0, report.stderr
    assert "the sweep is not finished" in report.stderr


@pytest.mark.skipif(os.name == "nt", reason="needs a shell")
def test_a_reader_that_stops_early_is_no_error(folder):
    command = f"{sys.executable} -m dse show resnet152 | head -1; exit ${{PIPESTATUS[0]}}"
    result = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert result.returncode == 0
    assert result.stderr == ""


def test_widths_and_densities_change_the_elements(dse, folder):
    def total(options):
        code, out, _ = dse(f"evaluate toy.yaml tiny.yaml --format json {options}")
        assert code == 0
        return json.loads(out)["energy_pj"]

    base = total("")
    assert total("--bits 16") == base
    assert total("--bits weight=8,ifmap=8") < base
    assert total("--bits psum=32") > base
    assert total("--density ifmap=0.5 --set mac.gating=ifmap") < base
    code, _, err = dse("map toy.yaml tiny.yaml last --density 0.5")
    assert code == 0
    assert "toy makes no use of zeros" in err
    assert "levels.DRAM.compression" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--bits imap=8", "error: --bits imap=8: 'imap' is no operand\n  hint: did you mean 'ifmap' or 'ofmap'?\n"),
        ("--bits ifmap=8,ifmap=9", "ifmap is given twice"),
        ("--bits ifmap=8,9", "'9' is not OPERAND=VALUE"),
        ("--bits ifmap=8.5", "'8.5' is not a whole number from 1 to 1024"),
        ("--bits =8", "'=8' is not OPERAND=VALUE"),
        ("--density psum=0", "'0' is not above 0 and at most 1"),
        ("--density 1.5", "'1.5' is not above 0 and at most 1"),
        ("--density nan", "'nan' is not above 0 and at most 1"),
    ],
)
def test_bad_elements_are_refused(dse, folder, options, message):
    code, out, err = dse(f"evaluate toy.yaml tiny.yaml {options}")
    assert (code, out) == (2, "")
    assert message in err


def test_reuse_tells_convolutions_from_fully_connected_layers(dse, folder):
    code, out, _ = dse("evaluate toy.yaml tiny.yaml --batch 4 --reuse")
    assert code == 0
    rows = {(cells[0], cells[1]): cells[2:] for line in out.splitlines() if len(cells := line.split()) == 8}
    assert rows["last", "weight"][:3] == ["1", "-", rows["last", "weight"][2]]
    assert rows["last", "weight"][-1] == "4"
    assert float(rows["one", "weight"][0]) > 1
    assert "has no convolutional reuse" in out
