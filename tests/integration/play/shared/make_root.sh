#!/bin/sh -e
# A root for apt and dpkg with a repository of small packages: make_root.sh FOLDER
base=$1
root=$base/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/lib/apt/lists/partial" "$root/var/log/apt"
mkdir -p "$root/var/cache/apt/archives/partial" "$root/etc/apt/apt.conf.d" "$root/etc/apt/preferences.d"
mkdir -p "$root/etc/apt/sources.list.d" "$root/etc/apt/trusted.gpg.d" "$base/pool"
: >"$root/var/lib/dpkg/status"
echo "deb [trusted=yes] file:$base/pool ./" >"$root/etc/apt/sources.list"
cat >"$base/apt.conf" <<END
Dir "$root/";
Dir::State::status "$root/var/lib/dpkg/status";
Dir::Etc "$root/etc/apt/";
Dir::Bin::dpkg "/usr/bin/dpkg";
DPkg::Options { "--root=$root"; "--force-not-root"; "--log=$root/var/log/dpkg.log"; };
APT::Sandbox::User "root";
Acquire::Languages "none";
#clear DPkg::Pre-Install-Pkgs;
#clear DPkg::Pre-Invoke;
#clear DPkg::Post-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
END
build() {
    tree=$base/tree
    mkdir -p "$tree/DEBIAN" "$tree/etc"
    echo "$2" >"$tree/etc/$1.conf"
    echo "/etc/$1.conf" >"$tree/DEBIAN/conffiles"
    printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: nobody <nobody@example.org>\n' "$1" "$2" >"$tree/DEBIAN/control"
    printf '%bSection: misc\nDescription: %s\n' "$3" "$1" >>"$tree/DEBIAN/control"
    file=$4/$1_$2_all.deb
    dpkg-deb -Znone -b "$tree" "$file" >/dev/null
    rm -r "$tree"
    [ "$4" = "$base/pool" ] || return 0
    dpkg-deb -f "$file" >>"$base/pool/Packages"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "${file##*/}" "$(stat -c %s "$file")" \
        "$(sha256sum "$file" | cut -d' ' -f1)" >>"$base/pool/Packages"
}
build alpha 1.0 '' "$base/pool"
build alpha 1.1 '' "$base/pool"
build alpha 2.0 '' "$base/pool"
build beta 1 'Depends: gamma\nRecommends: delta\n' "$base/pool"
build gamma 3 '' "$base/pool"
build delta 4 '' "$base/pool"
build mailer-one 1 'Provides: mailer\n' "$base/pool"
build local 1 'Depends: gamma\n' "$base"
build local 2 'Depends: gamma\n' "$base"
touch -d @1000 "$root/var/lib/apt/lists" # its time in whole seconds tells whether the lists were updated
