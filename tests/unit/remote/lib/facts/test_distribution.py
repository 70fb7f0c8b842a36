"""os-release files as distributions ship them, and the names that playbooks expect for them."""

from __future__ import annotations

import pytest

from stella_ops.remote.lib.facts import distribution

CASES = {
    "debian": (
        {"os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n', "debian_version": "12.11\n"},
        ("Debian", "12.11", "12", "bookworm", "Debian"),
    ),
    "debian testing": (
        {"os-release": "ID=debian\nVERSION_CODENAME=trixie\n", "debian_version": "trixie/sid\n"},
        ("Debian", "NA", "NA", "trixie", "Debian"),
    ),
    "ubuntu": (
        {"os-release": 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\n'},
        ("Ubuntu", "24.04", "24", "noble", "Debian"),
    ),
    "rhel 8": (
        {"os-release": 'ID="rhel"\nID_LIKE="fedora"\nVERSION="8.9 (Ootpa)"\nVERSION_ID="8.9"\n'},
        ("RedHat", "8.9", "8", "Ootpa", "RedHat"),
    ),
    "centos": (
        {
            "os-release": 'ID="centos"\nVERSION_ID="7"\nVERSION="7 (Core)"\n',
            "centos-release": "CentOS Linux release 7.9.2009 (Core)\n",
        },
        ("CentOS", "7.9.2009", "7", "Core", "RedHat"),
    ),
    "rocky": (
        {"os-release": 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.3"\nVERSION="9.3 (Blue Onyx)"\n'},
        ("Rocky", "9.3", "9", "Blue Onyx", "RedHat"),
    ),
    "amazon": ({"os-release": 'ID="amzn"\nVERSION_ID="2023"\n'}, ("Amazon", "2023", "2023", "NA", "RedHat")),
    "alpine": (
        {"os-release": "ID=alpine\nVERSION_ID=3.19.1\n", "alpine-release": "3.19.1\n"},
        ("Alpine", "3.19.1", "3", "NA", "Alpine"),
    ),
    "leap": (
        {"os-release": 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.5"\n'},
        ("openSUSE Leap", "15.5", "15", "NA", "Suse"),
    ),
    "sles": (
        {"os-release": 'ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.5"\n'},
        ("SLES", "15.5", "15", "NA", "Suse"),
    ),
    "arch": ({"os-release": "ID=arch\n"}, ("Archlinux", "rolling", "rolling", "NA", "Archlinux")),
    "a derivative nobody knows": (
        {"os-release": "ID=homegrown\nID_LIKE='novel ubuntu debian'\nNAME='Home \\$Grown'\nVERSION_ID=7\n"},
        ("Home $Grown", "7", "7", "NA", "Debian"),
    ),
    "nothing at all": ({}, ("Linux", "NA", "NA", "NA", "Linux")),
}


@pytest.mark.parametrize("case", CASES)
def test_names(tmp_path, case):
    written, expected = CASES[case]
    (tmp_path / "etc").mkdir()
    for name, text in written.items():
        (tmp_path / "etc" / name).write_text(text)
    told = distribution.gather(1, root=str(tmp_path))
    assert (
        told["distribution"],
        told["distribution_version"],
        told["distribution_major_version"],
        told["distribution_release"],
        told["os_family"],
    ) == expected
    assert ("distribution_file_path" in told) is bool(written)


def test_usr_lib_is_the_second_place(tmp_path):
    (tmp_path / "usr/lib").mkdir(parents=True)
    (tmp_path / "usr/lib/os-release").write_text("ID=fedora\nVERSION_ID=40\n")
    told = distribution.gather(1, root=str(tmp_path))
    assert (told["distribution"], told["os_family"]) == ("Fedora", "RedHat")
    assert told["distribution_file_path"] == str(tmp_path / "usr/lib/os-release")


def test_lsb(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/lsb-release").write_text(
        'DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\nDISTRIB_DESCRIPTION="Ubuntu 22.04.4 LTS"\n'
    )
    assert distribution.standard_base(1, root=str(tmp_path))["lsb"] == {
        "id": "Ubuntu",
        "release": "22.04",
        "major_release": "22",
        "codename": "jammy",
        "description": "Ubuntu 22.04.4 LTS",
    }
