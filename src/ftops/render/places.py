"""Where a file stands in its repository: other programs count from its root, spans from the project's."""

from __future__ import annotations

import posixpath

from ftops.spec.files import STDIN_SHOWN

HERE = "."
"""The root itself: what is said of a folder of specs as a whole."""


def in_repository(file: str, prefix: str) -> str:
    """Return a file of a span relative to the root of its repository.

    Standard input, and a file that was named by an absolute path, stay as they are.

    Args:
        file: as a span has it, relative to the project root.
        prefix: the project root relative to the repository, with `/`; empty where the two are the same.

    """
    return file if file == STDIN_SHOWN else posixpath.normpath(posixpath.join(prefix, file))
