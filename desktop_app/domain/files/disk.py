"""Errors of this computer's disks, in words. Pure, any thread."""

import errno

from desktop_app.domain.problems import Problem, problem

_FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)
_REFUSED = (errno.EROFS, errno.EIO, errno.EMFILE, errno.ENFILE)
_DENIED = (errno.EACCES, errno.EPERM)  # of a socket, too: a port below 1024, a firewall


def disk_problem(error: BaseException) -> Problem | None:
    """Return the problem of an error that no adapter foresaw, None if it is not the disk's. A full or read-only disk
    can strike anywhere."""
    if not isinstance(error, OSError) or _is_ssl_error(error):
        return None
    if error.errno not in (*_FULL, *_REFUSED) and not (error.errno in _DENIED and error.filename):
        return None
    path, why = error.filename or "A file", error.strerror or "it can't be written"
    return problem("disk.full" if error.errno in _FULL else "files.here", path=path, why=why, cause=str(error))


def _is_ssl_error(error: OSError) -> bool:
    """True if it is an ssl.SSLError, whose numbers are OpenSSL's own. By name: importing ssl would cost the window's
    start."""
    return any(base.__module__ == "ssl" for base in type(error).__mro__)
