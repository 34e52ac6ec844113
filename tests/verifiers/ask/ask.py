"""Runs a function of docs/receiving.md on webhooks: reads one JSON object per line, and prints one per line."""

import base64
import json
import runpy
import sys

webhook_events = runpy.run_path(sys.argv[1])["webhook_events"]

for line in sys.stdin:
    asked = json.loads(line)
    print(json.dumps(webhook_events(asked["headers"], base64.b64decode(asked["body"]), asked["secrets"])), flush=True)
