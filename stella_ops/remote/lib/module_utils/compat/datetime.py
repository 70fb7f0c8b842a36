"""Times in UTC."""

import datetime

UTC = datetime.timezone.utc


def utcfromtimestamp(timestamp):
    """The time of so many seconds, with its zone."""
    return datetime.datetime.fromtimestamp(timestamp, UTC)


def utcnow():
    """The time now, with its zone."""
    return datetime.datetime.now(UTC)
