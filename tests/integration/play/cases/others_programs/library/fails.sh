#!/bin/sh
echo '{"failed": true, "msg": "as told"}'
exit 1
