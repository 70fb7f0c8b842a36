#!/bin/sh -e
# A repository of small RPM packages in /opt/repo, and dnf told of it.
cd /opt
mkdir -p repo build /etc/yum.repos.d
make_rpm() {
    cat >"build/$1.spec" <<END
Name: $1
Version: $2
Release: 1
Summary: nothing
License: none
BuildArch: noarch
$3
%description
nothing
%files
END
    rpmbuild -bb --quiet --define '_topdir /opt/build' --define '_rpmdir /opt/repo' "build/$1.spec"
}
make_rpm alpha 1.0
make_rpm alpha 1.1
make_rpm alpha 2.0
make_rpm beta 1 'Requires: gamma
Recommends: delta'
make_rpm gamma 3 'Provides: web-thing'
make_rpm delta 4
createrepo_c -q repo
printf '[local]\nname=local\nbaseurl=file:///opt/repo\ngpgcheck=0\nenabled=1\n' >/etc/yum.repos.d/local.repo
