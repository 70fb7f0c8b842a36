#!/bin/sh -e
# A repository of small packages, and what dnf needs to install them below a folder: make_repo.sh FOLDER
cd "$1"
mkdir -p build repo root etc
package() { # NAME VERSION [LINE...]
    name=$1 version=$2
    shift 2
    {
        printf 'Name: %s\nVersion: %s\nRelease: 1\nSummary: %s\nLicense: none\nBuildArch: noarch\n' "$name" "$version" "$name"
        for line; do echo "$line"; done
        printf '%%description\n%s\n%%files\n' "$name"
    } >"build/$name.spec"
    rpmbuild -bb --quiet --define "_topdir $PWD/build" --define "_rpmdir $PWD/repo" "build/$name.spec"
}
package tool 1.0
package tool 1.1
package tool 2.0
package library 1.0 'Provides: virtual-library'
package program 1.0 'Requires: library' 'Recommends: extra'
package extra 1.0
package enemy 1.0 'Conflicts: tool'
package broken 1.0 'Requires: nothing-has-this'
createrepo_c -q repo
cat >etc/dnf.conf <<EOF
[main]
gpgcheck=0
reposdir=$PWD/etc/repos
cachedir=$PWD/cache
logdir=$PWD/log
persistdir=$PWD/persist
pluginpath=$PWD/none
[lab]
name=lab
baseurl=file://$PWD/repo
[spare]
name=spare
baseurl=file://$PWD/none
enabled=0
EOF
