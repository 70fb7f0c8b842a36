from hypothesis import given
from hypothesis import strategies as st

from stella_ops.orchestrator.limits import RateLimit, network_of


class Seconds:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_so_many_at_once_and_then_one_after_the_other():
    clock = Seconds()
    limit = RateLimit(6, clock=clock)
    assert [limit.take("192.0.2.1") for _ in range(6)] == [0.0] * 6
    assert limit.take("192.0.2.1") == 10.0
    assert limit.take("192.0.2.2") == 0.0, "another address has its own"
    clock.now += 4
    assert limit.take("192.0.2.1") == 6.0, "asking in vain costs nothing"
    clock.now += 6.01
    assert limit.take("192.0.2.1") == 0.0
    assert limit.take("192.0.2.1") > 0


@given(steps=st.lists(st.floats(0, 30), max_size=80), rate=st.integers(1, 100))
def test_no_minute_has_more_than_twice_the_rate(steps, rate):
    clock = Seconds()
    limit = RateLimit(rate, clock=clock)
    granted = []
    for step in steps:
        clock.now += step
        if not limit.take("x"):
            granted.append(clock.now)
    for begin in granted:
        assert sum(begin <= moment < begin + 60 for moment in granted) <= 2 * rate


def test_addresses_without_end_are_forgotten():
    limit = RateLimit(1, clock=Seconds(), most=10)
    for number in range(1000):
        limit.take(f"192.0.2.{number}")
    assert len(limit) == 10


def test_one_machine_has_many_addresses():
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff") != network_of("2001:db8:0:1::1")
    assert network_of("::ffff:192.0.2.1") == network_of("192.0.2.1") == "192.0.2.1"
    assert network_of("fe80::1%eth0") == "fe80::/64"
    assert network_of("") == ""
