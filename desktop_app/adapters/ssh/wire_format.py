"""SSH's wire format (RFC 4251, section 5): byte strings and numbers, for keys, agents, SFTP and channels. Pure."""

import struct

_NUMBER = struct.Struct(">I")
_NUMBER64 = struct.Struct(">Q")


class Damaged(ValueError):
    """Bytes that do not have the format; the text completes "it is not valid: …"."""


def string(value: bytes) -> bytes:
    """Return a byte string with its length in front."""
    return len(value).to_bytes(4, "big") + value


def name_string(text: str) -> bytes:
    """Return a name as a string; surrogates stand for bytes that are no UTF-8."""
    return string(text.encode("utf-8", "surrogateescape"))


class Reader:
    """Takes bytes apart from the front. Raises Damaged for what is cut short."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        """True if any bytes are left."""
        return self._at < len(self._data)

    def take(self, count: int) -> bytes:
        """Return the next ``count`` bytes."""
        if count > len(self._data) - self._at:
            raise Damaged("it is cut short")
        self._at += count
        return self._data[self._at - count : self._at]

    def number(self) -> int:
        """Return a number of 32 bits."""
        return self._unpack(_NUMBER)

    def number64(self) -> int:
        """Return a number of 64 bits."""
        return self._unpack(_NUMBER64)

    def _unpack(self, form: struct.Struct) -> int:
        try:
            (value,) = form.unpack_from(self._data, self._at)
        except struct.error:
            raise Damaged("it is cut short") from None
        self._at += form.size
        return int(value)

    def string(self) -> bytes:
        """Return a byte string."""
        return self.take(self.number())

    def name(self) -> str:
        """Return a name, with surrogates for what is no UTF-8."""
        return self.string().decode("utf-8", "surrogateescape")

    def end(self) -> None:
        """Make sure that nothing is left."""
        if self.more:
            raise Damaged("it has bytes too many")
