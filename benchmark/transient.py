"""Which exceptions of a stage are worth a repeat.

A stage is a pure function of its configuration and its parents, so what its own code raises it would raise again. What
the machine did to it (a full disk, a lost connection, memory that others had taken) may be gone the next time.
"""

from __future__ import annotations

import errno
import sys

_PASSING = {
    errno.EAGAIN,
    errno.EBUSY,
    errno.EDQUOT,
    errno.EINTR,
    errno.EIO,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENOBUFS,
    errno.ENOLCK,
    errno.ENOMEM,
    errno.ENOSPC,
    errno.EREMOTEIO,
    errno.ESTALE,
}


def is_transient(error: BaseException) -> bool:
    """Whether the cause of an exception, or of the one it was raised from, can go away by itself."""
    if isinstance(error, MemoryError | ConnectionError | TimeoutError):
        return True
    if isinstance(error, OSError) and error.errno in _PASSING:
        return True
    if _is_of_the_accelerator(error):
        return True
    return error.__cause__ is not None and is_transient(error.__cause__)


def _is_of_the_accelerator(error: BaseException) -> bool:
    """Its memory was full, or it failed: torch's two classes, without loading torch for a stage that has not."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(error, torch.OutOfMemoryError | torch.AcceleratorError)
