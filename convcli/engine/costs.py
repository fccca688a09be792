"""What the elementary operations cost, in nanoseconds for each element on one thread.

Measured by `benchmarks/calibrate.py` on a two-core AMD EPYC with AVX2 (numpy 2.4, scipy 1.17, 2026-11-20).
Those of spectra are of 2026-12-01, on one with slower memory, and scaled by what products took there; FFT is some tenth
above the script's, as pictures of 1 and 6 MP showed beside products, for its calls are short.
Only the ratios matter to the planner; they are much the same on other machines of the last years.
"""

__all__ = ["BAND", "COPY", "FFT", "GATHER", "PASS", "PLANES", "PRODUCT", "READ", "SCIPY"]

# one pass of addition or multiplication over arrays of some hundred kB, the call included
PASS = {"int16": 0.03, "uint16": 0.03, "int32": 0.085, "float32": 0.084, "float64": 0.186}
# conversion of the picture into the dtype, and of the sums into levels
READ = {"int16": 0.046, "uint16": 0.2, "int32": 0.2, "float32": 0.187, "float64": 0.297}
# one multiply-add of a matrix product
PRODUCT = {"float32": 0.0175, "float64": 0.04}
# multiply-adds of a band that take as long as reading and writing its rows
BAND = {"float32": 8, "float64": 11}
# forward transform, product and inverse for each sample of a tile, by scipy and by numpy; from LEAST on its size hardly
# matters
FFT = {"float32": 3.5, "float64": 6.0}
# copying every n-th pixel out of a row
GATHER = 0.5
# cutting a sample out into a plane or a tile, and putting it back into a row
PLANES = 0.85
# finding and loading scipy's transforms, in nanoseconds
SCIPY = 5e6
# copying a sample of a window to where the windows lie one after the other, float32
COPY = 0.4
