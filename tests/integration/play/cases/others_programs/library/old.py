#!/usr/bin/python
import os
import shlex
import sys

words = dict(word.split("=", 1) for word in shlex.split(open(sys.argv[1]).read()))
print('{"changed": true, "folder": "%o", "got": "%s"}' % (os.stat(os.path.dirname(sys.argv[1])).st_mode & 0o777, words["a"]))
