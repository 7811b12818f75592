"""Errors of this computer's disks, in words. Pure, any thread."""

import errno
import ssl

from desktop_app.domain.problems import Problem, problem

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_REFUSED = (errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)
_DENIED = (errno.EACCES, errno.EPERM)  # of a socket, too: a port below 1024, a firewall


def disk_problem(error: BaseException) -> Problem | None:
    """What a person can do about an error that no adapter foresaw: a full or read-only disk can strike anywhere."""
    if not isinstance(error, OSError) or isinstance(error, ssl.SSLError):  # whose numbers are OpenSSL's own
        return None
    if error.errno not in (*_FULL, *_REFUSED) and not (error.errno in _DENIED and error.filename):
        return None
    path, why = error.filename or "A file", error.strerror or "it can't be written"
    return problem("disk.full" if error.errno in _FULL else "files.here", path=path, why=why, cause=str(error))
