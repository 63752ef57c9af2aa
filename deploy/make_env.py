#!/usr/bin/env python3
"""Writes ``.env`` for docker compose, with random secrets that nobody has to think up.

``python3 deploy/make_env.py [FILE]`` needs nothing but Python. The file
(default: ``.env`` beside docker-compose.yml) is readable by its owner alone; one
that exists is never touched. Every line of ``.env.example`` is taken over, those
that end in ``=`` with a value: a random one, or half of the key that signs logins.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from pathlib import Path

from nkey import account_key

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / ".env.example"
EMPTY = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]*)=$", re.MULTILINE)
SECRET_BYTES = 24


def filled(example: str) -> str:
    """``example`` with a secret of its own behind every empty name.

    Secrets are URL-safe and begin with a letter, so that no program on the way
    (compose, NATS's configuration, a shell) reads them as anything but text.
    """
    seed, public = account_key()
    made = {"ACCESS_ISSUER_SEED": seed, "ACCESS_ISSUER": public}
    return EMPTY.sub(
        lambda found: (
            f"{found['name']}={made.get(found['name']) or 's' + secrets.token_urlsafe(SECRET_BYTES)}"
        ),
        example,
    )


def write(target: Path, example: Path = EXAMPLE) -> None:
    """Makes ``target``; raises `FileExistsError` and changes nothing where it exists."""
    text = filled(example.read_text(encoding="utf-8"))
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def main(arguments: list[str]) -> int:
    """Exit status: 0 written, 1 refused, 2 wrong usage."""
    if len(arguments) > 1 or any(argument.startswith("-") for argument in arguments):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    target = Path(arguments[0]) if arguments else ROOT / ".env"
    try:
        write(target)
    except FileExistsError:
        sys.stderr.write(f"{target} exists and is left alone; remove it first if you want new secrets\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"{target}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{target} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
