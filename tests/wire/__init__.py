"""Tests of the client over a socket."""
