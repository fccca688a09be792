"""What every test wants.

Products on one thread; no kernels but the packaged ones; property tests with the same examples every time, and no
clock in them; a folder to work in for those that ask for `desk`.
"""

import atexit
import os
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell's background job; the commands under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in a command; numpy is not there yet
os.environ.pop("CONVCLI_KERNELS", None)
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="convcli-tests-")  # fish and Chromium write there too
atexit.register(shutil.rmtree, os.environ["XDG_CONFIG_HOME"], ignore_errors=True)

settings.register_profile(
    "convcli",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("convcli")


@pytest.fixture
def desk(tmp_path, monkeypatch) -> Path:
    """An empty folder, which is the working folder meanwhile."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def plans_of_its_own():
    """No plan is remembered from another test, which may have changed what plans are made of."""
    from convcli import planner  # late: numpy comes after what is said above

    planner._remembered.cache_clear()
