"""What verbs print, and where."""

import json

from dse.cli.output import StatusLine, note, print_json, print_rows

ROWS = [{"layer": "one", "energy_pj": 1.5}, {"layer": "two, three", "energy_pj": 2.0}]


def test_rows_in_three_forms(capsys):
    seen = []
    for form in ("table", "json", "csv"):
        print_rows(form, lambda: "as text", {"layers": ROWS}, ROWS)
        seen.append(capsys.readouterr())
    assert seen[0].out == "as text\n"
    assert json.loads(seen[1].out) == {"layers": ROWS}
    assert seen[2].out.splitlines() == ["layer,energy_pj", "one,1.5", '"two, three",2.0']
    assert not any(captured.err for captured in seen)


def test_notes_stand_apart_from_the_output(capsys):
    note("one moment")
    print_json([1])
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("[\n  1\n]\n", "one moment\n")


class Terminal:
    def __init__(self, is_terminal):
        self.text, self.is_terminal = "", is_terminal

    def isatty(self):
        return self.is_terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_a_status_line_is_written_over_and_wiped(monkeypatch):
    screen = Terminal(True)
    monkeypatch.setattr("sys.stderr", screen)
    line = StatusLine()
    line.show("12 of 20")
    line.show("done")
    line.clear()
    assert screen.text == "\r12 of 20\rdone    \r    \r"


def test_a_pipe_sees_no_status_line(monkeypatch):
    pipe = Terminal(False)
    monkeypatch.setattr("sys.stderr", pipe)
    line = StatusLine()
    line.show("12 of 20")
    line.clear()
    assert pipe.text == ""
