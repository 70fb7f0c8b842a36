import pytest

from stella_ops.content import builtin_folder
from stella_ops.doctor.checks import load_checks, read_check
from stella_ops.errors import ParseError, UsageError

OWN = '''"""Look at the licence."""
CHECK = {"name": "Licence", "id": "licence", "category": "Custom", "timeout": 3}
ARGUMENTS = {"prefix": {"type": "path"}}
raise SystemExit("never run on the controller")
'''


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "doctor").mkdir()
    return tmp_path


def test_the_built_in_checks_in_the_order_of_reports():
    assert [(check.category, check.name) for check in load_checks()] == [
        ("Security", "Certificate Expiry"),
        ("Security", "Certificate Validity"),
        ("Core", "Heartbeat"),
        ("Resources", "Disk Space"),
        ("Resources", "Memory Usage"),
        ("Configuration", "Configuration Validity"),
        ("Network", "DNS Resolution"),
        ("Runtime", "Docker Connectivity"),
    ]


def test_one_check_in_full():
    (disk,) = load_checks(names=["disk-space"])
    assert (disk.id, disk.module, disk.timeout) == ("disk-space", "doctor/disk_space", 10.0)
    assert {"prefix", "warning_percent"} <= disk.arguments
    assert disk.summary.startswith("Check the free space")


def test_ids_are_names_in_small_letters():
    for check in load_checks():
        assert check.id == check.name.lower().replace(" ", "-") == check.module[7:].replace("_", "-")


def test_by_category_in_any_case():
    assert {check.category for check in load_checks(categories=["security", "NETWORK"])} == {"Security", "Network"}


def test_by_name_or_id():
    for name in ("disk-space", "Disk Space", "DISK SPACE"):
        assert [check.id for check in load_checks(names=[name])] == ["disk-space"]


def test_empty_means_all():
    assert len(load_checks(categories=[], names=[])) == 8


def test_mistyped():
    with pytest.raises(UsageError, match="no category 'secruity'") as problem:
        load_checks(categories=["secruity"])
    assert problem.value.hint == "did you mean 'security'?"
    with pytest.raises(UsageError, match="no check 'xyzzy'") as problem:
        load_checks(names=["xyzzy"])
    assert "disk-space" in problem.value.hint


def test_nothing_in_common():
    with pytest.raises(UsageError):
        load_checks(categories=["network"], names=["disk-space"])


def test_a_users_own_check_is_read_without_running_it(folder):
    (folder / "doctor" / "licence.py").write_text(OWN)
    last = load_checks([folder])[-1]
    assert (last.name, last.module, last.timeout, last.summary) == (
        ("Licence", "doctor/licence", 3.0, "Look at the licence.")
    )


def test_a_users_file_replaces_the_built_in_one(folder):
    (folder / "doctor" / "disk_space.py").write_text(OWN)
    ids = [check.id for check in load_checks([folder])]
    assert "licence" in ids
    assert "disk-space" not in ids


def test_two_files_with_one_id(folder):
    source = (builtin_folder("modules") / "doctor" / "disk_space.py").read_text()
    (folder / "doctor" / "other.py").write_text(source)
    with pytest.raises(ParseError, match="are both the check"):
        load_checks([folder])


def test_hidden_files_are_no_checks(folder):
    (folder / "doctor" / "__init__.py").write_text("")
    assert len(load_checks([folder])) == 8


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1", "describes no check"),
        ("CHECK = 5", "describes no check"),
        ("CHECK = dict(name='a')", "written as a literal"),
        ("CHECK = {'name': 'A', 'id': 'a'}", "no 'category'"),
        ("CHECK = {'name': 'A', 'id': 3, 'category': 'C'}", "no 'id'"),
        ("CHECK = {'name': 'A', 'id': 'a', 'category': 'C', 'timeout': 0}", "number of seconds"),
        ("CHECK = {'name': 'A', 'id': 'a', 'category': 'C'}\nARGUMENTS = []", "must be a mapping"),
        ("def (", "not Python"),
        ("\0", "not Python"),
    ],
)
def test_files_that_describe_no_check(folder, source, said):
    path = folder / "doctor" / "bad.py"
    path.write_text(source)
    with pytest.raises(ParseError, match=said) as problem:
        read_check(path)
    assert str(path) in problem.value.where
