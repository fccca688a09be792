"""What the elementary operations cost, in nanoseconds for each element on one thread.

Measured by `benchmarks/calibrate.py` on a two-core AMD EPYC with AVX2 (numpy 2.4, scipy 1.17, 2026-11-20).
Only the ratios matter to the planner; they are much the same on other machines of the last years.
"""

__all__ = ["CALL", "FFT", "GATHER", "PASS", "PRODUCT", "READ", "SCIPY"]

# one pass of addition or multiplication over arrays of some hundred kB, the call included
PASS = {"int16": 0.035, "uint16": 0.035, "int32": 0.07, "float32": 0.09, "float64": 0.19}
# conversion of the picture into the dtype, and of the sums into levels
READ = {"int16": 0.15, "uint16": 0.3, "int32": 0.35, "float32": 0.3, "float64": 0.6}
# one multiply-add of a matrix product
PRODUCT = {"float32": 0.022, "float64": 0.045}
# forward transform, product and inverse for each sample of a tile; its size hardly matters
FFT = {"float32": 3.6, "float64": 7.5}
# copying every n-th pixel out of a row
GATHER = 0.5
# a call of numpy that has nothing to do, in nanoseconds
CALL = 800.0
# importing scipy.fft, in nanoseconds
SCIPY = 1.5e8
