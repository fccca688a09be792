"""A convolution shown so that a person can follow it: the sum behind one sample, the matrix, a page and a film."""

__all__ = []
