"""ISO 6346 container numbers: owner code, category, serial number, check digit.

Letters count 10 to 38 without the multiples of 11, digits as they are, each
times two to the power of its place; the sum modulo 11, then modulo 10, is the
check digit.
"""

from __future__ import annotations

import re

from sealtrail.contract.errors import RefusedError

_FORM = re.compile(r"[A-Z]{3}[JUZ][0-9]{7}", re.ASCII)
_VALUES = {digit: int(digit) for digit in "0123456789"}
_VALUES |= dict(zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", (n for n in range(10, 39) if n % 11), strict=True))


def check_digit(first_ten: str) -> int:
    """Check digit of owner code, category and serial number (ten characters)."""
    return sum(_VALUES[character] << place for place, character in enumerate(first_ten)) % 11 % 10


def is_valid(number: str) -> bool:
    """Whether a number has the form of ISO 6346 (no blanks, upper case) and the right check digit."""
    return bool(_FORM.fullmatch(number)) and check_digit(number[:10]) == int(number[10])


def container_number(text: str) -> str:
    """The number as written on papers (``MSKU 907032-3``) in its plain form.

    Raises `RefusedError` named ``bad_container_number``.
    """
    number = re.sub(r"[\s-]", "", text).upper()
    if not _FORM.fullmatch(number):
        raise RefusedError("bad_container_number", f"{text!r} is not like MSKU9070323")
    if not is_valid(number):
        raise RefusedError("bad_container_number", f"{text!r}: the check digit is {check_digit(number[:10])}")
    return number
