"""Signs deliveries by implementations that are not ours.

    vectors.py FOLDER        makes vectors.json and jwks.json in FOLDER; crates/sources/fixtures/vectors keeps them
    vectors.py FOLDER now    makes live.json and jwks.json: each delivery as it should be at this moment (`good`), signed an
                             hour ago (`stale`, where the scheme knows a time) and signed with another secret (`forged`)

HMACs come from the command `openssl`, Standard Webhooks from PyPI's `standardwebhooks`, tokens from PyPI's `pyjwt`
(and one from `openssl dgst -sign`). Each vector holds the command that made it. Private keys are made anew and thrown
away, so that a second run gives other tokens.
"""
import base64, datetime, json, os, pathlib, shlex, subprocess, sys, tempfile, time

import jwt, standardwebhooks
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

NOW = 1_700_000_000
SECRET = "tracker-secret"
# Neither text nor JSON: only the bytes count.
BODY = b'{"type":"key_result.checked_in","subject":{"id":"kr-1"},"note":"caf\xc3\xa9 \x00\xff"}'


def hex_(raw): return raw.hex()
def base64_(raw): return base64.b64encode(raw).decode()
def base64url_(raw): return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def openssl(message, key, digest):
    """The HMAC, and the command that computed it."""
    command = f"openssl dgst -{digest} -mac HMAC -macopt hexkey:{key.hex()} -binary"
    out = subprocess.run(shlex.split(command), input=message, capture_output=True, check=True).stdout
    return out, f"printf %s {base64.b64encode(message).decode()} | base64 -d | {command}"


def fresh_keys():
    return {"RS256": rsa.generate_private_key(65537, 2048), "ES256": ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate()}


class Signer:
    """Signs with `secret` and `keys`, at `now`; the configurations always hold SECRET."""

    def __init__(self, now, secret, keys):
        self.now, self.secret, self.keys, self.vectors = now, secret, keys, []

    def vector(self, name, config, headers, made_by, body=BODY, covered=True):
        self.vectors.append({"name": name, "config": config, "headers": headers, "body": base64.b64encode(body).decode(),
                             "body_is_covered": covered, "now": self.now, "made_by": made_by})

    def hmac(self, name, message, config, write, digest="sha256", key=None, headers=None, body=BODY, shown="{}"):
        raw, made_by = openssl(message, key or self.secret.encode(), digest)
        all_headers = {"x-sig": shown.format(write(raw)), **(headers or {})}
        self.vector(name, f"verify = {{ {config} }}", all_headers, made_by, body)

    def macs(self):
        keyed = f'header = "x-sig", secrets = ["{SECRET}"]'
        for digest in ("sha1", "sha256", "sha512"):
            for encoding, write in (("hex", hex_), ("base64", base64_), ("base64url", base64url_)):
                self.hmac(f"hmac-{digest}, {encoding}", BODY, f'scheme = "hmac-{digest}", encoding = "{encoding}", {keyed}', write, digest)
        self.hmac("prefix", BODY, f'scheme = "hmac-sha256", prefix = "sha256=", {keyed}', hex_, shown="sha256={}")
        self.hmac("several signatures", BODY, f'scheme = "hmac-sha256", prefix = "v1=", separator = ",", {keyed}', hex_,
                  shown="v0=ff, v1=" + "00" * 32 + ",v1={}")
        self.hmac("base64 key", BODY, 'scheme = "hmac-sha256", header = "x-sig", key = "base64", secrets = ["dHJhY2tlci1zZWNyZXQA/w=="]',
                  hex_, key=self.secret.encode() + b"\x00\xff")

    def stamped(self):
        keyed = f'header = "x-sig", secrets = ["{SECRET}"]'
        now, millis = str(self.now), f"{self.now}123"
        written = datetime.datetime.fromtimestamp(self.now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        said = f'{{"meta":{{"sent_at":{now}}},"note":"café"}}'.encode()
        stamp = 'timestamp = { header = "x-time" }'
        self.hmac("seconds in a header", now.encode() + b"." + BODY, f'scheme = "hmac-sha256", {stamp}, {keyed}', hex_, headers={"x-time": now})
        self.hmac("milliseconds in a header, a template", b"v0:" + millis.encode() + b":" + BODY,
                  'scheme = "hmac-sha256", timestamp = { header = "x-time", unit = "ms" }, signed = "v0:{{ timestamp }}:{{ body }}", '
                  + keyed, hex_, headers={"x-time": millis})
        self.hmac("RFC 3339 in a header", written.encode() + b"." + BODY,
                  f'scheme = "hmac-sha256", timestamp = {{ header = "x-time", unit = "rfc3339" }}, {keyed}', hex_, headers={"x-time": written})
        self.hmac("seconds in the body", said, f'scheme = "hmac-sha256", timestamp = {{ field = "meta.sent_at" }}, {keyed}', hex_, body=said)
        self.hmac("another header in the template", b"r-1." + BODY,
                  "scheme = \"hmac-sha256\", signed = \"{{ headers['x-request'] }}.{{ body }}\", " + keyed, hex_, headers={"x-request": "r-1"})

    def tools(self):
        keyed = f'header = "x-sig", secrets = ["{SECRET}"]'
        cloud = {"ce-id": "evt-2023-11-14-0001", "ce-source": "/goals/eu", "ce-type": "com.example.okr.key_result.checked_in"}
        raw, made_by = openssl("\n".join([*cloud.values(), ""]).encode() + BODY, self.secret.encode(), "sha256")
        template = r"{{ headers['ce-id'] }}\n{{ headers['ce-source'] }}\n{{ headers['ce-type'] }}\n{{ body }}"
        self.vector("cloudevents, binary mode with its headers", f'kind = "cloudevents"\nverify = {{ scheme = "hmac-sha256", signed = "{template}", {keyed} }}',
                    {"x-sig": raw.hex(), **cloud}, made_by)
        raw, made_by = openssl(BODY, self.secret.encode(), "sha256")
        self.vector("shopify", f'verify = {{ scheme = "shopify", secrets = ["{SECRET}"] }}', {"x-shopify-hmac-sha256": base64_(raw)}, made_by)
        self.vector("github", f'kind = "github"\nsecrets = ["{SECRET}"]', {"x-hub-signature-256": "sha256=" + raw.hex()}, made_by)
        self.vector("asana", f'kind = "asana"\nsecrets = ["{SECRET}"]', {"x-hook-signature": raw.hex()}, made_by)
        raw, made_by = openssl(str(self.now).encode() + b"." + BODY, self.secret.encode(), "sha256")
        self.vector("stripe", f'verify = {{ scheme = "stripe", secrets = ["{SECRET}"] }}',
                    {"stripe-signature": f"t={self.now},v1={'00' * 32},v1={raw.hex()}"}, made_by)
        whsec = lambda secret: "whsec_" + base64.b64encode(secret.encode() + b"\x00\xff").decode()
        at = datetime.datetime.fromtimestamp(self.now, datetime.timezone.utc)
        text = '{"meta":{"sent_at":1700000000},"note":"café"}'
        signature = standardwebhooks.Webhook(whsec(self.secret)).sign("msg_1", at, text)
        for family in ("webhook", "svix"):
            self.vector(f"standard webhooks, {family}", f'kind = "standard-webhooks"\nsecrets = ["{whsec(SECRET)}"]',
                        {f"{family}-id": "msg_1", f"{family}-timestamp": str(self.now), f"{family}-signature": signature},
                        f"standardwebhooks.Webhook({whsec(self.secret)!r}).sign('msg_1', {self.now}, body)", text.encode())

    def tokens(self):
        self.vector("bearer", f'verify = {{ scheme = "bearer", secrets = ["{SECRET}"] }}', {"authorization": f"Bearer {self.secret}"}, "RFC 6750", covered=False)
        user = subprocess.run(["openssl", "base64", "-A"], input=b"okr:" + self.secret.encode(), capture_output=True, check=True).stdout.decode()
        self.vector("basic", f'verify = {{ scheme = "basic", secrets = ["okr:{SECRET}"] }}', {"authorization": f"Basic {user}"},
                    f"printf %s okr:{self.secret} | openssl base64 -A", covered=False)
        claims = {"iss": "https://issuer.example", "aud": ["other", "okr-router"], "exp": self.now + 60, "nbf": self.now - 60}
        config = 'verify = { scheme = "jwt", issuer = "https://issuer.example", audience = "okr-router", jwks = { file = "JWKS" } }'
        for algorithm, key in self.keys.items():
            kid = f"{algorithm}-1"
            token = jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})
            self.vector(f"jwt, {algorithm}", config, {"authorization": f"Bearer {token}"},
                        f"jwt.encode({claims!r}, key, algorithm={algorithm!r}, headers={{'kid': {kid!r}}})", covered=False)
        with tempfile.TemporaryDirectory() as folder:
            pem = os.path.join(folder, "key.pem")
            pathlib.Path(pem).write_bytes(self.keys["RS256"].private_bytes(ser.Encoding.PEM, ser.PrivateFormat.PKCS8, ser.NoEncryption()))
            part = lambda value: base64url_(json.dumps(value).encode())
            signed = part({"alg": "RS256"}) + "." + part({**claims, "aud": "okr-router"})
            raw = subprocess.run(["openssl", "dgst", "-sha256", "-sign", pem], input=signed.encode(), capture_output=True, check=True).stdout
            self.vector("jwt without a key's name", config, {"authorization": f"Bearer {signed}.{base64url_(raw)}"},
                        "printf %s HEADER.CLAIMS | openssl dgst -sha256 -sign key.pem | base64url", covered=False)

    def all(self):
        self.macs(), self.stamped(), self.tools(), self.tokens()
        return self.vectors


def jwks(keys):
    public = [(f"{name}-1", json.loads(jwt.get_algorithm_by_name(name).to_jwk(key.public_key()))) for name, key in keys.items()]
    return [{**jwk, "kid": kid, "use": "sig"} for kid, jwk in public] + [{"kty": "oct", "k": "AAAA", "kid": "passed-over"}]


folder, keys = pathlib.Path(sys.argv[1]), fresh_keys()
write = lambda name, value: (folder / name).write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n")
if sys.argv[2:] == ["now"]:
    now = int(time.time())
    write("live.json", {"good": Signer(now, SECRET, keys).all(), "stale": Signer(now - 3600, SECRET, keys).all(),
                        "forged": Signer(now, "another-secret", fresh_keys()).all()})
else:
    write("vectors.json", Signer(NOW, SECRET, keys).all())
write("jwks.json", {"keys": jwks(keys)})
