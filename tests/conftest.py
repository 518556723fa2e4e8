"""What all tests share: where helpers are, how Ctrl-C is handed on, how much Hypothesis tries, how tokens are told."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent / "e2e"))

# A job in the background of a script is started with Ctrl-C ignored, and would hand that on to every command that is
# tested here with a Ctrl-C.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long something takes is no failure, since others may use the machine. FTOPS_EXAMPLES asks for more than the usual.
settings.register_profile(
    "ftops",
    deadline=None,
    max_examples=int(os.environ.get("FTOPS_EXAMPLES", "100")),
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("ftops")

# What is printed must not hang on an extra that is installed: tokens are estimated, but where a test says otherwise.
os.environ["FTOPS_TOKENS"] = "estimate"
