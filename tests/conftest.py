"""What every test wants: products on one thread; property tests with the same examples every time, no clock in them."""

import os
import signal

from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell's background job; the commands under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as in a command; numpy is not there yet

settings.register_profile(
    "convcli",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("convcli")
