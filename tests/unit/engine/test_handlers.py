from __future__ import annotations

import pytest

from stella_ops.engine.handlers import Notifications
from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin
from stella_ops.playbook.model import Handler, Inherited


def handler(name: str, *topics: str) -> Handler:
    return Handler(
        name=name, action="debug", args={}, origin=Origin("p.yml"), inherited=Inherited(), listen=list(topics)
    )


@pytest.fixture
def notifications() -> Notifications:
    handlers = [handler("first", "topic"), handler("second", "topic", "other"), handler("first")]
    return Notifications(handlers, [str(h.name) for h in handlers])


def test_a_topic_reaches_all_who_listen(notifications: Notifications) -> None:
    assert notifications.notify("topic", "a", None) == ["first", "second"]
    notifications.settle()
    assert (notifications.take(0), notifications.take(1), notifications.take(2)) == (["a"], ["a"], [])


def test_of_two_with_one_name_the_first(notifications: Notifications) -> None:
    notifications.notify("first", "a", None)
    notifications.settle()
    assert (notifications.take(0), notifications.take(2)) == (["a"], [])


def test_once_for_each_host(notifications: Notifications) -> None:
    assert notifications.notify("second", "a", None) == ["second"]
    assert notifications.notify("second", "a", None) == []
    assert notifications.notify("other", "b", None) == ["second"]
    notifications.settle()
    assert notifications.take(1) == ["a", "b"]
    assert notifications.take(1) == [] and not notifications.pending()


def test_taking_some_hosts_leaves_the_others(notifications: Notifications) -> None:
    for host in "abc":
        notifications.notify("second", host, None)
    notifications.settle()
    assert notifications.take(1, {"b", "z"}) == ["b"]
    assert notifications.pending() and notifications.take(1) == ["a", "c"]


def test_what_is_included_after_a_notification_may_take_its_place(notifications: Notifications) -> None:
    notifications.notify("first", "a", None)
    notifications.extend([handler("first")], ["first"])
    notifications.settle()
    assert (notifications.take(0), notifications.take(3)) == ([], ["a"])


def test_handlers_that_run_hear_at_once(notifications: Notifications) -> None:
    notifications.notify("second", "a", None, at_once=True)
    assert notifications.take(1) == ["a"]


def test_a_name_that_nobody_has(notifications: Notifications) -> None:
    with pytest.raises(PlaybookError) as caught:
        notifications.notify("secnd", "a", Origin("p.yml", 7, 3))
    assert caught.value.where == "p.yml:7:3"
    assert caught.value.hint == "did you mean 'second'?"


def test_a_handler_whose_name_cannot_be_rendered_is_told_of_when_something_is_notified() -> None:
    told: list[str | None] = []
    handlers = [handler("{{ x }} a"), handler("{{ x }} b", "topic"), handler("c")]
    titles = [str(each.name) for each in handlers]
    found = Notifications(handlers, titles, unnamed=lambda each: told.append(each.name))
    found.notify("c", "host", "here")
    assert told == ["{{ x }} a"]
