"""What a machine may do to a run: system calls that fail once, kills, limits on files and memory, a full disk.

Whatever happens: an output is the whole new file or what stood there before, nothing else lies in its folder, and
standard error says what went wrong in a line.
"""

import errno
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

HOUSE = Path(__file__).parents[1]
PROGRAM = [sys.executable, "-m", "convcli"]
OLD = b"what stood there before"
NAMES = [f"{n}.{'png' if n % 2 else 'jpg'}" for n in range(8)]

# Fails the N-th call of a kind that concerns the folder of results, once, with a number of an error, and leaves a mark.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/stat.h>
#include <sys/types.h>

static int here(const char *path) {
    const char *folder = getenv("FAULT_FOLDER");
    return path && folder && !strncmp(path, folder, strlen(folder));
}
static int of(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    if (n < 0) return 0;
    path[n] = 0;
    return here(path);
}
static int fails(const char *call) {
    static int count;
    const char *wanted = getenv("FAULT_CALL");
    if (!wanted || strcmp(call, wanted) || ++count != atoi(getenv("FAULT_NUMBER"))) return 0;
    close(creat(getenv("FAULT_MARK"), 0600));
    errno = atoi(getenv("FAULT_ERROR"));
    return 1;
}
#define REAL(name) static __typeof__(name) *real; if (!real) real = dlsym(RTLD_NEXT, #name)
#define MODE mode_t mode = 0; va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list)

int open(const char *path, int flags, ...) {
    REAL(open); MODE;
    return here(path) && fails("open") ? -1 : real(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    REAL(open64); MODE;
    return here(path) && fails("open") ? -1 : real(path, flags, mode);
}
ssize_t write(int fd, const void *data, size_t size) {
    REAL(write);
    if (!of(fd)) return real(fd, data, size);
    if (fails("short")) return real(fd, data, size > 1 ? size / 2 : size);
    return fails("write") ? -1 : real(fd, data, size);
}
int fsync(int fd) { REAL(fsync); return of(fd) && fails("fsync") ? -1 : real(fd); }
int fchmod(int fd, mode_t mode) { REAL(fchmod); return of(fd) && fails("fchmod") ? -1 : real(fd, mode); }
int fchown(int fd, uid_t u, gid_t g) { REAL(fchown); return of(fd) && fails("fchown") ? -1 : real(fd, u, g); }
int linkat(int a, const char *from, int b, const char *to, int flags) {
    REAL(linkat); return here(to) && fails("link") ? -1 : real(a, from, b, to, flags);
}
int link(const char *from, const char *to) { REAL(link); return here(to) && fails("link") ? -1 : real(from, to); }
int rename(const char *from, const char *to) { REAL(rename); return here(to) && fails("rename") ? -1 : real(from, to); }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); return here(path) && fails("mkdir") ? -1 : real(path, mode); }
"""


@pytest.fixture(scope="module")
def shim(tmp_path_factory) -> str:
    """The library that makes calls fail."""
    compiler = shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("no compiler of C")
    folder = tmp_path_factory.mktemp("shim")
    (folder / "shim.c").write_text(SHIM)
    subprocess.run([compiler, "-shared", "-fPIC", "-o", folder / "shim.so", folder / "shim.c", "-ldl"], check=True)
    return str(folder / "shim.so")


@pytest.fixture
def desk(desk) -> Path:
    """A folder with a folder of pictures in it."""
    Path("in").mkdir()
    rng = np.random.default_rng(3)
    for name in NAMES:
        Image.fromarray(rng.integers(0, 256, (40, 50, 3), np.uint8)).save(f"in/{name}")
    return desk


def ran(*words: str, folder: str = "in", **more) -> subprocess.CompletedProcess:
    """A run over the folder of pictures, ended."""
    command = [*PROGRAM, "apply", "sobel", folder, "-o", os.path.abspath("out"), "-q", *words]
    env = {**os.environ, "PYTHONPATH": str(HOUSE), **more.pop("env", {})}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, env=env, **more)


def fault(shim: str, call: str, number: int, error: int) -> dict[str, str]:
    """What the library is told: which call is to fail, and how. It leaves the file `mark` where it did."""
    told = {"CALL": call, "NUMBER": number, "ERROR": error, "FOLDER": Path.cwd() / "out", "MARK": Path.cwd() / "mark"}
    return {"LD_PRELOAD": shim} | {f"FAULT_{key}": str(value) for key, value in told.items()}


def wanted() -> dict[str, bytes]:
    """What a run that nothing happens to writes; the folder of results is gone again."""
    assert ran().returncode == 0
    results = contents()
    shutil.rmtree("out")
    return results


def contents() -> dict[str, bytes]:
    """All files in the folder of results."""
    return {path.name: path.read_bytes() for path in Path("out").glob("*")} if Path("out").exists() else {}


def one_line(stderr: str) -> str:
    """The message, a single line of ours."""
    assert stderr.startswith("convcli: ")
    assert stderr.count("\n") == 1, stderr
    assert "bug" not in stderr
    return stderr


CALLS = [("open", 1), ("open", 2), ("write", 1), ("write", 2), ("fsync", 1), ("link", 1), ("link", 2), ("rename", 1)]
CALLS += [("fchmod", 1), ("fchown", 1), ("mkdir", 1)]
OTHERWISE = {("open", 1), ("open", 2), ("link", 1), ("fchown", 1)}  # there is another way, or it matters little
UNCALLED = {("link", 2, False), ("rename", 1, False), ("fchmod", 1, False), ("fchown", 1, False), ("mkdir", 1, True)}


@pytest.mark.parametrize("is_old", [False, True])
@pytest.mark.parametrize(
    ("call", "number", "error"),
    [
        (call, number, error)
        for at, (call, number) in enumerate(CALLS)
        for n, error in enumerate([errno.ENOSPC, errno.EACCES, errno.EIO])
        if call == "write" or at % 3 == n  # one error for each call is enough
    ],
)
def test_a_call_that_fails_once(desk, shim, call, number, error, is_old):
    """A picture is written all the same, by another way, or what stood there stands there still."""
    try:
        os.close(os.open(desk, os.O_TMPFILE | os.O_WRONLY))
    except OSError:
        pytest.skip("no nameless files here: other calls are made")
    Path("one").mkdir()
    pixels = np.random.default_rng(4).integers(0, 256, (300, 400, 3), np.uint8)  # too large for a single write
    Image.fromarray(pixels).save("one/1.png")
    ran(folder="one")
    new = contents()
    shutil.rmtree("out")
    if is_old:
        Path("out").mkdir()
        Path("out/1.png").write_bytes(OLD)
    ended = ran("-f", folder="one", env=fault(shim, call, number, error))
    is_called = (call, number, is_old) not in UNCALLED
    assert Path("mark").exists() == is_called
    if not is_called or (call, number) in OTHERWISE:
        assert (ended.returncode, ended.stderr, contents()) == (0, "", new)
    else:
        assert ended.returncode == 3
        assert os.strerror(error).lower() in one_line(ended.stderr)
        assert contents() == ({"1.png": OLD} if is_old else {})


@pytest.mark.parametrize(("call", "error"), [("write", 4), ("fsync", 4), ("open", 4), ("short", 0)])
def test_calls_that_are_interrupted_are_made_again(desk, shim, call, error):
    expected = wanted()
    ended = ran(env=fault(shim, call, 1, error))
    assert Path("mark").exists()
    assert (ended.returncode, ended.stderr) == (0, "")
    assert contents() == expected


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_ends_at_any_time(desk, number):
    """Half of the runs overwrite results; each leaves whole files alone, old or new, and one more run makes all."""
    rng, chance = np.random.default_rng(5), random.Random(int(number))
    for name in NAMES:  # a result takes a while, so that a signal comes between the first and the last
        Image.fromarray(rng.integers(0, 256, (500, 700, 3), np.uint8)).save(f"in/{name}")
    expected, made = wanted(), []
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    for turn in range(10):
        shutil.rmtree("out", ignore_errors=True)
        if turn % 2:
            Path("out").mkdir()
            for name in NAMES:
                Path("out", name).write_bytes(OLD)
        command = [*PROGRAM, "apply", "sobel", "in", "-o", "out", "-q", "-f", "-j", "2"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env) as process:
            while process.poll() is None and not is_any_new():
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.1))
            process.send_signal(number)
            _, errors = process.communicate(timeout=20)
        for path in Path("out").glob(".*"):  # the moment between link and rename, when replacing
            assert number == signal.SIGKILL
            assert path.read_bytes() in expected.values()
            path.unlink()
        left = contents()
        assert set(left) <= set(NAMES)
        assert all(data in (OLD, expected[name]) for name, data in left.items())
        assert not turn % 2 or len(left) == len(NAMES)
        made.append(sum(data != OLD for data in left.values()))
        assert process.returncode == -number or (process.returncode == 0 and made[-1] == len(NAMES))
        assert errors == "" or "interrupted" in one_line(errors)
    assert any(0 < count < len(NAMES) for count in made), made
    assert ran("-f").returncode == 0
    assert contents() == expected


def is_any_new() -> bool:
    """True once there is a result, by its size, which says so without opening what may be gone by then."""
    return any(path.exists() and path.stat().st_size != len(OLD) for path in (Path("out", name) for name in NAMES))


@pytest.mark.parametrize("ending", ["png", "jpg", "tif", "gif", "webp", "bmp", "npy"])
def test_a_limit_on_the_size_of_files(desk, ending):
    assert ran("--format", ending).returncode == 0
    most = len(contents()[f"1.{ending}"])
    for size in (0, most // 2, most - 1):
        Path(f"out/1.{ending}").write_bytes(OLD)
        before = contents()
        ended = ran(
            "-f",
            "-j",
            "1",
            "--include",
            "1.*",
            "--format",
            ending,
            preexec_fn=lambda size=size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )
        assert ended.returncode == 3
        assert "file too large" in one_line(ended.stderr)
        assert contents() == before


def test_a_limit_on_memory(desk):
    """However little there is: a picture, or a line for it."""
    Image.fromarray(np.zeros((3000, 4000, 3), np.uint8)).save("in/big.png")
    codes = set()
    for megabytes in range(150, 400, 50):
        shutil.rmtree("out", ignore_errors=True)
        ended = ran(
            "-j",
            "1",
            "--include",
            "big.png",
            env={"OPENBLAS_NUM_THREADS": "1"},
            preexec_fn=lambda size=megabytes << 20: resource.setrlimit(resource.RLIMIT_AS, (size, size)),
        )
        codes.add(ended.returncode)
        if ended.returncode:
            assert ended.returncode == 1
            assert "memory" in one_line(ended.stderr)
            assert contents() == {}
        else:
            assert ended.stderr == ""
            assert list(contents()) == ["big.png"]
    assert codes == {0, 1}


FULL = """
mount -t tmpfs -o size=200k tmpfs out || exit 77
printf old > out/9.png
"$@"
code=$?
ls -A out > left
cat out/9.png > kept
exit $code
"""


def test_a_full_disk(desk):
    """A small one, in a namespace of its own."""
    for n in range(9, 30):
        Image.fromarray(np.random.default_rng(n).integers(0, 256, (90, 100, 3), np.uint8)).save(f"in/{n}.png")
    Path("out").mkdir()
    unshare = shutil.which("unshare")
    command = [*PROGRAM, "apply", "identity", "in", "-o", "out", "-q", "-f", "-j", "1", "--exclude", "9.png"]
    env = {**os.environ, "PYTHONPATH": str(HOUSE)}
    spelled = [unshare or "false", "--mount", "--map-root-user", "sh", "-c", FULL, "sh", *command]
    ended = subprocess.run(spelled, capture_output=True, text=True, timeout=60, env=env)
    if unshare is None or ended.returncode in (1, 77):
        pytest.skip("no disk can be made here")
    assert ended.returncode == 3
    line = one_line(ended.stderr)
    assert "no space left on device" in line
    left = [name for name in Path("left").read_text().split() if name != "9.png"]
    assert f"; {len(left)} of 28 written, stopping" in line
    assert Path("kept").read_text() == "old"
    assert all(not name.startswith(".") for name in left)
