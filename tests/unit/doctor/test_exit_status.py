import pytest

from stella_ops.doctor.exit_status import exit_status
from stella_ops.doctor.report import DoctorRun, Unreachable

GONE = Unreachable("gone", "refused")


@pytest.mark.parametrize(
    ("hosts", "unreachable", "status"),
    [
        ([["healthy"], ["healthy", "healthy"]], [], 0),
        ([["healthy"], ["healthy", "warning"]], [], 1),
        ([["critical"]], [], 1),
        ([["healthy", "error"]], [], 3),
        ([["critical", "error"]], [], 3),
        ([["healthy"]], [GONE], 3),
        ([["critical"]], [GONE], 3),
        ([], [GONE], 3),
        ([[]], [], 3),
    ],
)
def test_exit_status(report, hosts, unreachable, status):
    assert exit_status(DoctorRun([report("h", *results) for results in hosts], unreachable)) == status
