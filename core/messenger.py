"""The Redis over which several Prefect servers speak with each other, where there is one.

Nothing of Overlev's own goes through it. It is only asked whether it answers, by whoever tells how
the service stands; the client is Prefect's own, and where it is not installed nothing is asked.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Final

URL: Final = "PREFECT_REDIS_MESSAGING_URL"
"""Prefect's own setting: the address, which may hold a password and is never told."""

WITHIN: Final = 0.3
"""Seconds in which it must answer; on the network of a house it takes one or two thousandths."""


def is_away() -> bool:
    """Whether a Redis is named in the environment and does not answer us at once."""
    address = os.environ.get(URL)
    if not address or find_spec("redis") is None:
        return False
    # Not for everybody: it takes time and memory, and few have several servers.
    from redis import Redis, RedisError  # noqa: PLC0415
    from redis.backoff import NoBackoff  # noqa: PLC0415
    from redis.retry import Retry  # noqa: PLC0415

    try:
        with Redis.from_url(
            address,
            socket_connect_timeout=WITHIN,
            socket_timeout=WITHIN,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
        ) as asked:
            return not asked.ping()
    except (RedisError, OSError, ValueError):
        return True
