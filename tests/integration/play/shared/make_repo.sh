#!/bin/sh -e
# Repositories with commits that are the same everywhere: make_repo.sh FOLDER
cd "$1"
export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example.org GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example.org
export GIT_AUTHOR_DATE='2024-01-01T00:00:00Z' GIT_COMMITTER_DATE='2024-01-01T00:00:00Z'
commit() {
    echo "$2" >"$1/file"
    git -C "$1" add file
    git -C "$1" commit -q -m "$2"
}
git init -q -b main sub
commit sub "sub one"
git init -q -b main repo
commit repo one
git -C repo tag v1
commit repo two
git -C repo tag -a -m v2 v2
git -C repo checkout -q -b other
commit repo three
git -C repo checkout -q main
git -C repo branch with-sub
git -C repo checkout -q with-sub
git -C repo -c protocol.file.allow=always submodule --quiet add "file://$1/sub" sub
sed -i "s,file://$1,..," repo/.gitmodules
git -C repo commit -q -a -m sub
git -C repo checkout -q main
