"""Moved to convcli.filters."""
from convcli.filters import *  # noqa
