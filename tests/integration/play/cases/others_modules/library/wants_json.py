#!/usr/bin/python
# WANT_JSON
import json
import os
import sys

with open(sys.argv[1]) as source:
    args = json.load(source)
print(
    json.dumps(
        {
            "changed": False,
            "name": args["name"],
            "check": args["_ansible_check_mode"],
            "mode": oct(os.stat(sys.argv[1]).st_mode & 0o777),
            "n": args.get("n"),
        }
    )
)
