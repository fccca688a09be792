"""One profile for all property tests: the same examples every time, and no clock in them."""

import signal

from hypothesis import HealthCheck, settings

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell's background job; the commands under test inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)

settings.register_profile(
    "convcli",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("convcli")
