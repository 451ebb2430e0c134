"""Signs a body with PyPI's standardwebhooks; prints the headers as JSON.

usage: sign.py SECRET ID TIMESTAMP BODY
"""

import datetime
import json
import sys

from standardwebhooks import Webhook

secret, message, timestamp, body = sys.argv[1:]
at = datetime.datetime.fromtimestamp(int(timestamp), datetime.timezone.utc)
signature = Webhook(secret).sign(message, at, body)
print(json.dumps({"webhook-id": message, "webhook-timestamp": timestamp, "webhook-signature": signature}))
