"""Code depends on what its modules and their imports say, not on how that is commented."""

import ast
from pathlib import Path

import pytest

from dse.mapper.shared.compilation import sources as module
from dse.mapper.shared.compilation.sources import PACKAGE, digest_of, essence, sources
from dse.model.counting import nest, records


def test_code_depends_on_all_that_its_modules_import():
    found = {str(path.relative_to(PACKAGE)) for path in sources(module._kernel_modules())}
    kernels = {"model/counting/axes.py", "model/counting/nest.py", "mapper/flat/outer/words.py",
               "mapper/deep/bounds/sums/sift.py"}  # fmt: skip
    constants = {"problem/dims.py", "model/counting/records.py", "mapper/flat/instance.py", "model/counting/kernel.py"}
    compilers = {"mapper/shared/compilation/twins.py", "mapper/shared/compilation/numba_internals.py"}
    assert kernels | constants | compilers <= found
    assert not [name for name in found if name.startswith(("cli/", "report/", "explore/", "formats/"))]


def test_sources_follow_imports_to_the_end():
    (own,) = (path for path in sources([Path(records.__file__)]) if path.name == "kernel.py")
    assert own == PACKAGE / "model/counting/kernel.py"
    names = [path.name for path in sources([Path(nest.__file__)])]
    assert names == ["axes.py", "boxes.py", "kernel.py", "nest.py", "records.py", "dims.py"]


@pytest.mark.parametrize("name", ["mapper/flat/search.py", "mapper/deep/leaf/walk.py", "model/counting/axes.py"])
def test_the_essence_of_a_module_has_all_its_code(name):
    source = (PACKAGE / name).read_text()
    assert "#" not in essence(source)
    assert '"""' not in essence(source)
    assert _code(essence(source)) == _code(source)


def _code(source):
    """A module's syntax without strings that stand alone."""

    class Plain(ast.NodeTransformer):
        def visit_Expr(self, node):
            return None if isinstance(node.value, ast.Constant) else self.generic_visit(node)

    return ast.dump(Plain().visit(ast.parse(source)))


def test_a_hash_in_a_string_is_no_comment():
    assert essence("x = '# one'  # two\n\n# three\n") == "x = '# one'"


def test_the_digest_follows_code_and_not_comments(monkeypatch):
    name, search = "dse.mapper.deep.leaf.walk", PACKAGE / "mapper/deep/leaf/walk.py"
    read = Path.read_text

    def digest(change):
        monkeypatch.setattr(Path, "read_text", lambda path, *how, **named: change(path, read(path, *how, **named)))
        for one in (digest_of, module._essence_of):
            one.cache_clear()
        return digest_of(name)

    try:
        plain = digest(lambda _, text: text)
        assert digest(lambda path, text: f"# a comment\n{text}" if path == search else text) == plain
        assert digest(lambda path, text: f"{text}\nMORE = 1\n" if path == search else text) != plain
        assert digest(lambda path, text: f"{text}\nMORE = 1\n" if path.name == "dims.py" else text) != plain
        assert digest(lambda path, text: f"{text}\nMORE = 1\n" if path.name == "twins.py" else text) != plain
    finally:
        monkeypatch.undo()
        for one in (digest_of, module._essence_of):
            one.cache_clear()
