"""Errors of this computer's disks, in words. Pure, any thread."""

import errno

from desktop_app.domain.problems import Problem, problem

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_REFUSED = (errno.EROFS, errno.EIO, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE)


def disk_problem(error: BaseException) -> Problem | None:
    """What a person can do about an error that no adapter foresaw: a full or read-only disk can strike anywhere."""
    if not isinstance(error, OSError) or error.errno not in (*_FULL, *_REFUSED):
        return None
    path, why = error.filename or "A file", error.strerror or "it can't be written"
    return problem("disk.full" if error.errno in _FULL else "files.here", path=path, why=why, cause=str(error))
