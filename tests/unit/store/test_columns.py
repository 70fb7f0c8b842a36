from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from stella_ops.store.columns import UtcDateTime, iso_z

moments = st.datetimes(
    min_value=datetime(1, 1, 3),
    max_value=datetime(9999, 12, 29),
    timezones=st.builds(timezone, st.timedeltas(timedelta(hours=-14), timedelta(hours=14))),
)


@given(moments, moments)
def test_on_sqlite_moments_come_back_and_sort_as_text(one, two):
    column, dialect = UtcDateTime(), sqlite.dialect()
    texts = [column.process_bind_param(moment, dialect) for moment in (one, two)]
    assert [column.process_result_value(text, dialect) for text in texts] == [one, two]
    assert (texts[0] < texts[1]) == (one < two)
    assert all(len(text) == 27 for text in texts)


def test_what_comes_back_is_utc():
    moment = datetime(2025, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        column = UtcDateTime()
        found = column.process_result_value(column.process_bind_param(moment, dialect), dialect)
        assert found == moment
        assert found.tzinfo is UTC
        assert column.process_bind_param(None, dialect) is None
        assert column.process_result_value(None, dialect) is None


def test_a_moment_without_zone_is_refused():
    with pytest.raises(ValueError, match="time zone"):
        UtcDateTime().process_bind_param(datetime(2025, 1, 1), sqlite.dialect())


def test_iso_z():
    assert iso_z(datetime(2025, 1, 1, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=2)))) == "2025-01-01T10:00:00Z"
