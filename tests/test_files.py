"""Names of outputs, and writing that leaves the whole new file or the old one, whatever goes wrong."""

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from convcli import files
from convcli.errors import ConvError, OutputError
from convcli.files import ExistsError, output_path, plan_outputs, write_atomic, write_bytes

WAYS = ["nameless", "hidden"]


@pytest.fixture(params=WAYS)
def way(request, monkeypatch):
    """Both ways of writing: nameless files, and the one for systems without them."""
    if request.param == "hidden":
        monkeypatch.setattr(files, "_write_nameless", lambda *_: False)
    return request.param


@pytest.fixture
def out(tmp_path) -> Path:
    """A name in a folder of its own, that has to be empty but for that name in the end."""
    folder = tmp_path / "out"
    folder.mkdir()
    yield folder / "a.png"
    assert [path.name for path in folder.iterdir() if path.name != "a.png"] == []


def test_a_new_file_is_whole_and_has_the_usual_mode(way, out):
    old = os.umask(0o027)
    try:
        write_bytes(out, b"new")
    finally:
        os.umask(old)
    assert out.read_bytes() == b"new"
    assert stat.S_IMODE(out.stat().st_mode) == 0o640


def test_an_existing_file_is_kept_unless_asked_for(way, out):
    out.write_bytes(b"old")
    with pytest.raises(ExistsError, match=r"a\.png: exists already$") as caught:
        write_bytes(out, b"new")
    assert (caught.value.exit_code, out.read_bytes()) == (1, b"old")
    out.chmod(0o604)
    write_bytes(out, b"new", overwrite=True)
    assert out.read_bytes() == b"new"
    assert stat.S_IMODE(out.stat().st_mode) == 0o604


def test_a_name_taken_meanwhile_is_not_overwritten(way, out):
    def slow(stream):
        stream.write(b"mine")
        out.write_bytes(b"theirs")

    with pytest.raises(ExistsError):
        write_atomic(out, slow)
    assert out.read_bytes() == b"theirs"
    out.unlink()
    write_atomic(out, slow, overwrite=True)
    assert out.read_bytes() == b"mine"


def test_of_two_writers_one_is_refused(way, out):
    start, results = threading.Barrier(8), []

    def write(number):
        start.wait()
        try:
            write_bytes(out, b"%d" % number * 100_000)
            results.append(number)
        except ExistsError:
            pass

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 1
    assert out.read_bytes() == b"%d" % results[0] * 100_000


@pytest.mark.parametrize("call", ["write", "fsync", "fchmod", "link", "replace", "open"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_any_failing_call_leaves_the_old_file_and_nothing_else(way, out, call, overwrite, monkeypatch):
    if overwrite:
        out.write_bytes(b"old")

    def fails(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fill(stream):
        if call == "write":
            stream.write(b"half")
            stream.flush()
            fails()
        stream.write(b"new")

    if call != "write":
        monkeypatch.setattr(os, call, fails)
    failure = None
    try:
        write_atomic(out, fill, overwrite)
    except OutputError as error:
        failure = error
    if failure is None:  # this way does without the call, or has another one to take its place
        assert call in ("fchmod", "link", "replace")
        assert out.read_bytes() == b"new"
    else:
        assert (str(failure), failure.exit_code) == (f"{out}: no space left on device", 3)
        assert (out.read_bytes() == b"old") if overwrite else not out.exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt, ConvError, RuntimeError])
def test_what_fill_raises_passes_and_leaves_nothing(way, out, error):
    def fill(stream):
        stream.write(b"half")
        raise error("so")

    with pytest.raises(error):
        write_atomic(out, fill)
    assert not out.exists()
    out.write_bytes(b"old")
    with pytest.raises(error):
        write_atomic(out, fill, overwrite=True)
    assert out.read_bytes() == b"old"


def test_a_link_is_written_through(way, tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    link.symlink_to("target")
    write_bytes(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    with pytest.raises(ExistsError, match="link: exists"):
        write_bytes(link, b"newer")
    write_bytes(link, b"newer", overwrite=True)
    assert link.is_symlink()
    assert target.read_bytes() == b"newer"
    link.unlink()
    link.symlink_to("link")
    with pytest.raises(OutputError, match="symbolic links"):
        write_bytes(link, b"new", overwrite=True)


def test_a_read_only_file_is_not_overwritten(way, out):
    out.write_bytes(b"old")
    out.chmod(0o444)
    with pytest.raises(OutputError, match=r"a\.png: is read-only and is not overwritten"):
        write_bytes(out, b"new", overwrite=True)
    assert out.read_bytes() == b"old"


def test_places_that_cannot_be_written_are_told(tmp_path):
    (tmp_path / "file").write_bytes(b"")
    for name, message in [
        ("", "is a folder"),
        ("none/a.png", "there is no folder"),
        ("file/a.png", "there is no folder"),
        ("x" * 300, "file name too long"),
        ("a\0b", "is no file name"),
    ]:
        with pytest.raises(OutputError, match=message) as caught:
            write_bytes(Path(f"{tmp_path}/{name}"), b"new")
        assert "\n" not in str(caught.value)
    if os.geteuid() != 0:
        tmp_path.chmod(0o500)
        with pytest.raises(OutputError, match="no permission"):
            write_bytes(tmp_path / "a.png", b"new")
        tmp_path.chmod(0o700)


def test_names_are_printed_so_that_they_cannot_forge_a_line(tmp_path):
    with pytest.raises(OutputError, match=r"a\\nconvcli: fine\\x1b"):
        write_bytes(Path(f"{tmp_path}/none/a\nconvcli: fine\x1b"), b"")


def test_the_longest_name_is_no_trouble(way, tmp_path):
    path = tmp_path / ("x" * 255)
    write_bytes(path, b"new")
    write_bytes(path, b"newer", overwrite=True)
    assert path.read_bytes() == b"newer"


def test_devices_and_pipes_are_written_to(tmp_path):
    write_bytes(Path("/dev/null"), b"new")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    got = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_bytes()))
    reader.start()
    write_bytes(pipe, b"new")
    reader.join()
    assert got == [b"new"]
    with pytest.raises(OutputError, match="/dev/full: no space left on device"):
        write_bytes(Path("/dev/full"), b"new")


LIMITED = """
import resource, sys
from pathlib import Path
from convcli import files
from convcli.errors import OutputError
if sys.argv[1] == "hidden":
    files._write_nameless = lambda *_: False
path = Path(sys.argv[2])
for overwrite in (False, True):
    for limit in range(0, 30_000, 1_009):
        if overwrite:
            path.write_bytes(b"old")
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        try:
            files.write_atomic(path, lambda s: [s.write(bytes(1000)) for _ in range(30)], overwrite)
            sys.exit(f"no error at {limit}")
        except OutputError as error:
            assert "a.png: file too large" in str(error), error
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        assert path.read_bytes() == b"old" if overwrite else not path.exists(), limit
        assert len(list(path.parent.iterdir())) == overwrite, limit
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_at_any_byte_keeps_the_old_file(way, out):
    subprocess.run([sys.executable, "-c", LIMITED, way, str(out)], check=True, cwd=Path(__file__).parents[1])


LOOP = """
import itertools, sys
from pathlib import Path
from convcli import files
path = Path(sys.argv[1])
for n in itertools.count():
    files.write_bytes(path, b"%08d" % n * 50_000, overwrite=True)
    if n == 3:
        print("going", flush=True)
"""


def test_a_kill_leaves_a_whole_file(out):
    write_bytes(out, b"%08d" % 0 * 50_000)
    for delay in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", LOOP, str(out)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[1]
        ) as loop:
            loop.stdout.readline()
            try:
                loop.wait(0.003 * delay + 0.001)
            except subprocess.TimeoutExpired:
                loop.send_signal(signal.SIGKILL)
        data = out.read_bytes()
        assert len(data) == 400_000
        assert data == data[:8] * 50_000
    for path in out.parent.glob(".*"):  # the moment between link and rename, when replacing
        data = path.read_bytes()
        assert len(data) == 400_000
        assert data == data[:8] * 50_000
        path.unlink()


@pytest.mark.parametrize(
    ("source", "output", "format", "many", "path"),
    [
        ("a/photo.png", None, None, False, "a/photo.sobel-x.png"),
        ("photo.JPG", None, None, False, "photo.sobel-x.JPG"),
        ("photo.jpg", None, "png", True, "photo.sobel-x.png"),
        ("photo.tar.gz", None, ".NPY", False, "photo.tar.sobel-x.npy"),
        ("photo", None, None, False, "photo.sobel-x"),
        ("a/photo.png", "b.jpg", None, False, "b.jpg"),
        ("a/photo.png", "b.jpg", "png", False, "b.jpg"),
        ("a/photo.png", "out/", None, False, "out/photo.png"),
        ("a/photo.png", "out", None, True, "out/photo.png"),
        ("a/photo.png", "out/", "tif", False, "out/photo.tif"),
    ],
)
def test_names_of_outputs(source, output, format, many, path):
    assert output_path(Path(source), "sobel-x", output, format, many) == Path(path)


def test_an_existing_folder_is_a_folder(tmp_path):
    assert output_path(Path("a.png"), "box", str(tmp_path), None, False) == tmp_path / "a.png"


def test_a_slug_is_made_fit_for_a_name():
    name = output_path(Path("a.png"), "1 0 -1; 2/0 | x\n", None, None, False).name
    assert name == "a.1-0--1-2-0-x.png"
    assert output_path(Path("a.png"), "//", None, None, False).name == "a.out.png"


def test_collisions_are_found_before_anything_is_written(tmp_path):
    a, b = tmp_path / "a.png", tmp_path / "b.png"
    a.touch()
    b.touch()
    plan_outputs([(a, tmp_path / "x.png"), (b, tmp_path / "y.png")])
    for first, second in [("x.png", "x.png"), ("x.png", "X.PNG"), ("caf\xe9.png", "cafe\u0301.png")]:
        with pytest.raises(ConvError, match=r"a.png and .*b.png would both be written") as caught:
            plan_outputs([(a, tmp_path / first), (b, tmp_path / second)])
        assert caught.value.exit_code == 2


def test_an_input_is_no_output(tmp_path):
    a, b, link, hard = (tmp_path / name for name in ("a.png", "b.png", "link.png", "hard.png"))
    a.touch()
    b.touch()
    link.symlink_to(a)
    os.link(a, hard)
    for output in (a, link, hard, tmp_path / ".." / tmp_path.name / "a.png"):
        with pytest.raises(ConvError, match="is an input"):
            plan_outputs([(b, tmp_path / "x.png"), (a, output)])
        plan_outputs([(b, tmp_path / "x.png"), (a, output)], in_place=True)
        with pytest.raises(ConvError, match="is an input"):
            plan_outputs([(a, tmp_path / "x.png"), (b, output)], in_place=True)


def test_folders_are_made(tmp_path):
    files.make_folder(tmp_path / "a" / "b")
    files.make_folder(tmp_path / "a" / "b")
    files.sync_folder(tmp_path / "a")
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file"):
        files.make_folder(tmp_path / "file")
