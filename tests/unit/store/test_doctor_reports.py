from datetime import timedelta

from stella_ops.store import doctor_reports


def test_reports_newest_first_with_and_without_agent(store, agent, now):
    old = doctor_reports.StoredReport(
        host="web1", time=now, overall_status="healthy", report={"schema": "stella.doctor/v1", "results": []}
    )
    new = doctor_reports.StoredReport(
        host="web1", time=now + timedelta(hours=1), overall_status="critical", report={}, agent_id=agent.id
    )
    with store.transaction() as connection:
        for report in (old, new):
            doctor_reports.add(connection, report)
        assert doctor_reports.recent(connection, "web1", 5) == [new, old]
        assert doctor_reports.recent(connection, "web1") == [new]
        assert doctor_reports.recent(connection, "web2") == []
        assert doctor_reports.prune(connection, now + timedelta(seconds=1)) == 1
        assert doctor_reports.recent(connection, "web1", 5) == [new]


def test_the_newest_of_each_host(store, now):
    reports = [
        doctor_reports.StoredReport(host=host, time=now, overall_status=status, report={"n": status})
        for host, status in [("b", "healthy"), ("a", "warning"), ("b", "critical")]
    ]
    with store.transaction() as connection:
        for report in reports:
            doctor_reports.add(connection, report)
    with store.reading() as connection:
        assert doctor_reports.newest_of_each(connection) == [reports[1], reports[2]]
