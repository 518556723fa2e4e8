"""Tests of pure functions: values in, values out."""
