"""Fixtures of the end-to-end tests."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
# A job in the background of a script is started with Ctrl-C ignored, and would hand that on to every command that is
# tested here with a Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
