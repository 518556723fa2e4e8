"""What holds for all tests: tokens are estimated, so that what is printed hangs on no extra that is installed."""

from __future__ import annotations

import os

os.environ["FTOPS_TOKENS"] = "estimate"
