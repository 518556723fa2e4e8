"""Tests of the embedded emulator, through its WSGI application."""
