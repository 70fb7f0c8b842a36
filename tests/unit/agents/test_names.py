import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.agents.names import check_name
from stella_ops.errors import EnrolmentError
from stella_ops.remote.lib.agent_config import NAME_PATTERN


@pytest.mark.parametrize("name", ["a", "web1", "10.0.0.1", "prod-agent_01.example", "x" * 63])
def test_good_names(name):
    check_name(name, "name")


@given(st.text(max_size=70) | st.from_regex(r"[a-z0-9._-]{1,70}"))
def test_what_we_accept_the_agent_accepts(name):
    if accepts(name):
        assert NAME_PATTERN.match(name)


def test_the_reason_names_what_is_bad():
    with pytest.raises(EnrolmentError) as caught:
        check_name("a b", "environment")
    assert caught.value.reason == "bad_environment"


def accepts(name):
    try:
        check_name(name, "name")
    except EnrolmentError:
        return False
    return True
