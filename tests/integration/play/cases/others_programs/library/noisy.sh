#!/bin/sh
echo before
echo '{"changed": false, "said": "this"}'
