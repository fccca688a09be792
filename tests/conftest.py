"""One profile for all property tests: the same examples every time, and no clock in them."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "convcli",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("convcli")
