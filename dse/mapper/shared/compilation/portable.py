"""Kernels in LLVM's language: what numba makes of them, optimised, before it becomes machine code.

That takes nine tenths of the time and needs Python's source only, so its result comes with the package: one archive,
whose files are named after all that they were made from. Where the archive has no file of the right name, the code is
made anew. Machine code is made here in both cases, for the processor at hand.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from functools import cache
from lzma import LZMAError
from pathlib import Path
from typing import Any

from dse.mapper.shared.compilation.arguments import described
from dse.mapper.shared.compilation.code_files import packed, unpacked
from dse.mapper.shared.compilation.machine_code import Code

ARCHIVE = Path(__file__).with_name("kernels.zip")

INLINING, FULL = 0, 1
"""Levels of optimisation: before references are counted no more than needed, and after."""

INSTRUCTIONS = 3
"""The level at which instructions are chosen."""

LEVEL = "x86-64-v3"
"""The processor that loops are laid out for before the one at hand is known: LLVM's name for x86-64 with AVX2."""


def file_of(name: str, arguments: tuple[Any, ...], source: str) -> str:
    """What a kernel's code for arguments of some kinds is called in an archive.

    Parameters
    ----------
    name : str
    arguments : tuple
        As `arguments.laid_out` takes them.
    source : str
        A digest of what the code is made from, the compiler included.

    Examples
    --------
    >>> file_of("flat.search", (1,), "source").startswith("flat.search-")
    True
    """
    made_from = f"{_system()} {source} {described(arguments)}"
    return f"{name}-{hashlib.sha256(made_from.encode()).hexdigest()[:32]}"


@cache
def _system() -> str:
    """What code in LLVM's language depends on besides its source: sizes of numbers, and how functions are called."""
    import llvmlite.binding as llvm

    return str(llvm.get_default_triple())


def shipped(file: str, archive: Path = ARCHIVE) -> Code | None:
    """A file of an archive; None where there is none, or none that can be read: numba makes it then.

    Examples
    --------
    >>> shipped("no such file") is None
    True
    """
    try:
        with zipfile.ZipFile(archive) as found:
            return unpacked(found.read(file))
    except (OSError, KeyError, ValueError, EOFError, LZMAError, zipfile.BadZipFile):
        return None  # not of this source or system, or damaged


def ship(codes: Mapping[str, Code], archive: Path = ARCHIVE) -> None:
    """Write an archive of codes in LLVM's language by what `file_of` calls them.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ship({"one": Code("f", "q", ["q"], bytes(3))}, Path(folder, "kernels.zip"))
    ...     zipfile.ZipFile(Path(folder, "kernels.zip")).namelist()
    ['one']
    """
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_LZMA) as made:
        for file, code in sorted(codes.items()):
            made.writestr(zipfile.ZipInfo(file), packed(code), zipfile.ZIP_LZMA)  # without the time: equal if they are


def optimised(code: Code) -> Code:
    """Code in LLVM's language as numba leaves it, made as fast as it gets without knowing the processor.

    First all functions are inlined that can be, so that most counting of references falls away, then the rest is
    optimised. Loops work on vectors as long as those of x86-64's third level (AVX2); where a processor has shorter
    ones, its machine code takes several of them.

    Raises
    ------
    RuntimeError
        When it is no code.

    Examples
    --------
    >>> import llvmlite.binding as llvm
    >>> bitcode = llvm.parse_assembly("define i32 @f() { %x = add i32 1, 2 ret i32 %x }").as_bitcode()
    >>> "ret i32 3" in str(llvm.parse_bitcode(optimised(Code("f", "q", ["nothing"], bitcode)).machine))
    True
    """
    import llvmlite.binding as llvm

    module = llvm.parse_bitcode(code.machine)
    module.verify()
    for level in (INLINING, FULL):
        options = llvm.create_pipeline_tuning_options()
        options.speed_level, options.loop_vectorization, options.slp_vectorization = level, level == FULL, False
        builder = llvm.create_pass_builder(_target(LEVEL), options)
        passes = builder.getModulePassManager()
        if level == INLINING:  # loops that begin with their test are not vectorised
            passes.add_loop_rotate_pass()
            passes.add_instruction_combine_pass()
            passes.add_jump_threading_pass()
        passes.add_refprune_pass()
        passes.run(module, builder)
    return code._replace(machine=bytes(module.as_bitcode()))


def machine_code_of(code: Code) -> Code:
    """Code in LLVM's language as machine code of this processor.

    The machine code takes all its numbers one after another in one place, see `_packed`.

    Raises
    ------
    RuntimeError
        When it is no code.

    Examples
    --------
    >>> import llvmlite.binding as llvm
    >>> bitcode = llvm.parse_assembly("define i32 @f(ptr %0, ptr %1, i64 %x) { ret i32 0 }").as_bitcode()
    >>> made = machine_code_of(Code("f", "q", ["nothing"], bitcode))
    >>> made.symbol, made.machine != bitcode
    ('f.packed', True)
    """
    import llvmlite.binding as llvm

    module = llvm.parse_bitcode(code.machine)
    module.verify()
    module.link_in(llvm.parse_assembly(_packed(code, [str(one.type) for one in _function(module, code).arguments])))
    module.verify()
    return code._replace(symbol=f"{code.symbol}.packed", machine=bytes(_target().emit_object(module)))


def _function(module: Any, code: Code) -> Any:
    try:
        return module.get_function(code.symbol)
    except NameError as error:
        raise RuntimeError(str(error)) from None


def _packed(code: Code, types: list[str]) -> str:
    """A function that reads its numbers in one place and calls another one with them.

    `ctypes` takes 0.2 microseconds for each of up to 600 numbers, and a function that takes one address next to none.

    Parameters
    ----------
    types : list of str
        Of the other function's arguments: where its result goes, where what it raises goes, then its numbers.
    """
    lines = []
    for at, (kind, letter) in enumerate(zip(types[2:], code.letters, strict=True)):
        lines.append(f"%at{at} = getelementptr i64, ptr %words, i64 {at}")
        lines.append(f"%x{at} = load {kind}, ptr %at{at}" if letter != "?" else f"%word{at} = load i64, ptr %at{at}")
        lines += [f"%x{at} = trunc i64 %word{at} to {kind}"] if letter == "?" else []
    numbers = "".join(f", {kind} %x{at}" for at, kind in enumerate(types[2:]))
    body = "\n".join(lines)
    return f"""
        declare i32 @"{code.symbol}"({", ".join(types)})
        define i32 @"{code.symbol}.packed"(ptr %result, ptr %failure, ptr %words) {{
            {body}
            %status = call i32 @"{code.symbol}"({types[0]} %result, {types[1]} %failure{numbers})
            ret i32 %status
        }}"""


@cache
def _target(level: str = "") -> Any:
    """A processor: the one at hand, or the least one that has all of a level; the one at hand where that is no x86."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    native = llvm.Target.from_default_triple()
    is_x86 = native.name.startswith("x86")
    at_hand = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    cpu, features = (level, "") if level and is_x86 else at_hand
    return native.create_target_machine(
        cpu=cpu, features=features, opt=INSTRUCTIONS, reloc="static" if is_x86 else "default", codemodel="jitdefault",
        jit=True,
    )  # fmt: skip
