"""Kernel files from strangers: each is refused in one line, in a second or so of work, through the whole command."""

import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from convcli.cli import root
from convcli.errors import ConvError

HEAD = 'title = "t"\nsource = "s"\n'


def npy(shape: str, descr: str = "'<f8'") -> bytes:
    """The header of an array file, with eight bytes behind it."""
    head = f"{{'descr': {descr}, 'fortran_order': False, 'shape': ({shape}), }}".encode()
    head += b" " * (117 - len(head) % 118) + b"\n"
    return b"\x93NUMPY\x01\0" + len(head).to_bytes(2, "little") + head + b"\0" * 8


HOSTILE = {
    "tower.toml": HEAD + "formula = '9**9**9**9**9**9'\nradius = 1",
    "tower-of-taps.toml": HEAD + "formula = 'x**9**9**9'\nradius = 1",
    "tower-in-radius.toml": HEAD + "formula = '1'\nradius = '9**9**9**9'",
    "huge-radius.toml": HEAD + "formula = 'unit(1 + x)'\nradius = 1e9",
    "huge-size.toml": HEAD + "formula = '1'\nsize = [2048, 2048]",
    "attribute.toml": HEAD + "formula = 'x.__class__.__mro__'\nradius = 1",
    "call.toml": HEAD + "formula = '__import__(x)'\nradius = 1",
    "lambda.toml": HEAD + "formula = '(lambda: 1)()'\nradius = 1",
    "deep.toml": HEAD + f"formula = '{'sqrt(' * 300}x{')' * 300}'\nradius = 1",
    "deep-signs.toml": HEAD + f"formula = '{'-' * 1990}x'\nradius = 1",
    "deep-lists.toml": HEAD + "weights = " + "[" * 100_000,
    "deep-tables.toml": "a." * 100_000 + "a = 1",
    "many-parameters.toml": HEAD + "weights = [[1]]\n" + "".join(f"[params.p{n}]\ndefault=1\n" for n in range(20_000)),
    "million-parameters.toml": HEAD + "".join(f"[params.p{n}]\ndefault=1\n" for n in range(1_000_000)),
    "long-row.toml": HEAD + f"weights = [[{'1,' * 400_000}]]",
    "digits.toml": HEAD + f"weights = [[{'9' * 500_000}]]",
    "many-steps.toml": HEAD + "".join(f"[[step]]\nname='s{n}'\nkernel='box:99'\n" for n in range(10_000)),
    "long-chain-of.toml": HEAD + f"[[step]]\nname='a'\nkernel='box'\nof='{'image+' * 330}image'\nx = 1",
    "step-args.toml": HEAD + f"[[step]]\nname='a'\nkernel='box:{'(' * 5000}'",
    "variants.toml": HEAD + f"[[step]]\nname='a'\nkernel='box{'@45' * 200_000}!'",
    "blanks.toml": HEAD + f"[[step]]\nname='a'\nkernel='box{' ' * 300_000}!'",
    "huge.npy": npy("999999999, 999999999"),
    "objects.npy": npy("1,", "'|O'"),
    "tricks.npy": npy("1,", "__import__('os').system('true')"),
    "long-header.npy": b"\x93NUMPY\x02\0" + (2**31).to_bytes(4, "little") + b"{" * 100_000,
    "deep.json": "[" * 100_000,
    "digits.json": "[[" + "9" * 500_000 + "]]",
    "large.txt": "1 " * 600_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_in_a_line(desk, name):
    content = HOSTILE[name]
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    begin = time.process_time()
    with pytest.raises(ConvError) as caught:
        CliRunner().invoke(root, ["kernels", "show", name], catch_exceptions=False, standalone_mode=False)
    assert time.process_time() - begin < 2
    assert str(caught.value).startswith(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("text", ["sobel-x" + "@45" * 100_000, "sobel-x" + " " * 100_000 + "!", "1 " + "@" * 100_000])
def test_hostile_arguments_end_soon(text):
    begin = time.process_time()
    with pytest.raises(ConvError):
        CliRunner().invoke(root, ["kernels", "show", text], catch_exceptions=False, standalone_mode=False)
    assert time.process_time() - begin < 3
