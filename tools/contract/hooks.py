"""What schemathesis needs to know of the API beyond its contract.

Signs in, makes a tenant with a document, and puts their ids where a path
parameter would be a random UUID, so that cases reach what lies behind the
checks. What a case may spend (a session, an account, a tenant, a document, an
idempotency key) is made for it alone.
"""

import itertools
import os
import re
import threading
import time
import uuid

import requests
import schemathesis
from requests.adapters import HTTPAdapter
from schemathesis import GenerationMode

BASE = os.environ["CARTULARY_URL"]
PASSWORD = "correct horse battery staple"
TOKEN_SECONDS = 300  # a third of an access token's life

# Operations that end or change the session or the account that they are called with.
SPENDS_ACCOUNT = {"changePassword", "deleteMe", "deleteSession", "logout", "logoutEverywhere", "updateMe"}
# Operations that change the tenant in their path for good.
SPENDS_TENANT = {"deleteTenant"}

KEY = re.compile("[!-~]([ -~]{0,253}[!-~])?")
TOKEN = re.compile("v1[.][A-Za-z0-9_-]{32}")


class FromElsewhere(HTTPAdapter):
    """Comes from an address of its own: logins that fail as cases close that of the cases."""

    def init_poolmanager(self, *args, **options):
        super().init_poolmanager(*args, source_address=("127.0.0.2", 0), **options)


own = requests.Session()
own.mount("http://127.", FromElsewhere())


def call(method, path, token=None, **options):
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    response = own.request(method, BASE + path, headers=headers, timeout=60, **options)
    if response.status_code >= 300:
        raise RuntimeError(f"{method} {path} was answered {response.status_code}: {response.text}")
    return response.json()["data"] if response.content else None


class World:
    """One account with a tenant, and what it makes for single cases."""

    def __init__(self):
        self.lock = threading.RLock()
        self.counter = itertools.count()
        self.token, self.signed_in_at = None, 0.0
        self.position = "v1." + "A" * 32  # the start of a ledger
        self.email = self.register()
        self.tenant = self.new_tenant()

    def register(self):
        email = f"fuzz-{uuid.uuid4()}@example.org"
        person = {"first_name": "Fuzz", "last_name": "Tester"}
        call("POST", "/api/auth/register", json={"email": email, "password": PASSWORD, **person})
        return email

    @staticmethod
    def sign_in(email):
        return call("POST", "/api/auth/login", json={"email": email, "password": PASSWORD})["access_token"]

    def access_token(self):
        with self.lock:
            if time.monotonic() - self.signed_in_at > TOKEN_SECONDS:
                self.token, self.signed_in_at = self.sign_in(self.email), time.monotonic()
            return self.token

    def spare_token(self):
        return self.sign_in(self.register())

    @staticmethod
    def session_of(authorization):
        """Returns the id of a session of whom the header signs in; None if nobody."""
        headers = {"Authorization": authorization}
        answer = own.get(BASE + "/api/users/me/sessions", headers=headers, timeout=60)
        return answer.json()["data"]["items"][0]["id"] if answer.status_code == 200 else None

    def new_tenant(self):
        name = f"Fuzz {next(self.counter)}"
        return call("POST", "/api/tenants", self.access_token(), json={"name": name})["id"]

    def new_document(self, tenant):
        content = f"document {next(self.counter)}".encode()
        files = {"file": ("fuzz.txt", content, "text/plain")}
        return call("POST", f"/api/tenants/{tenant}/documents", self.access_token(), files=files)

    def await_receipt(self, tenant, document):
        """Waits until a checkpoint holds a document: one is signed every few seconds."""
        for _ in range(200):
            headers = {"Authorization": f"Bearer {self.access_token()}"}
            answer = own.get(f"{BASE}/api/tenants/{tenant}/documents/{document}/receipt", headers=headers, timeout=60)
            if answer.status_code != 503:
                return
            time.sleep(0.1)

    def new_member(self, tenant):
        token = self.sign_in(self.register())
        user = call("GET", "/api/users/me", token)["id"]
        call("POST", f"/api/tenants/{tenant}/users", self.access_token(), json={"user_id": user, "role": "viewer"})
        return user


world = World()


@schemathesis.auth(refresh_interval=None)
class Auth:
    def get(self, case, context):
        if case.operation.definition.raw.get("operationId") in SPENDS_ACCOUNT:
            return world.spare_token()
        return world.access_token()

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"


def replace(mapping, name, value):
    if name in mapping:
        mapping[name] = value


def is_uuid(value):
    try:
        return str(uuid.UUID(value)) == value
    except (AttributeError, TypeError, ValueError):
        return False


@schemathesis.hook
def before_call(context, case, kwargs):
    """Replaces what is well-formed but random by what means something here."""
    operation = case.operation.definition.raw.get("operationId")
    headers = case.headers or {}
    positive = case.meta is None or case.meta.generation.mode is GenerationMode.POSITIVE
    if positive or KEY.fullmatch(headers.get("Idempotency-Key") or ""):
        replace(headers, "Idempotency-Key", str(uuid.uuid4()))
    if positive or TOKEN.fullmatch(headers.get("Consistency-Token") or ""):
        replace(headers, "Consistency-Token", world.position)
    if positive:
        replace(headers, "If-Match", "*")
        headers.pop("If-None-Match", None)
    if case.query and 0 < len(str(case.query.get("cursor", ""))) <= 6000:
        del case.query["cursor"]
    path = case.path_parameters or {}
    if is_uuid(path.get("session_id")) and "Authorization" in headers:
        path["session_id"] = world.session_of(headers["Authorization"]) or path["session_id"]
    if not is_uuid(path.get("tenant_id")):
        return
    path["tenant_id"] = world.new_tenant() if operation in SPENDS_TENANT else world.tenant
    if is_uuid(path.get("document_id")) or is_uuid(path.get("file_id")):
        document = world.new_document(path["tenant_id"])
        if operation == "documentReceipt":
            world.await_receipt(path["tenant_id"], document["id"])
        for name, value in (("document_id", document["id"]), ("file_id", document["file_id"])):
            if is_uuid(path.get(name)):
                path[name] = value
    if is_uuid(path.get("user_id")):
        path["user_id"] = world.new_member(path["tenant_id"])


@schemathesis.hook
def after_call(context, case, response):
    """Remembers the newest point that an answer was known up to."""
    for value in response.headers.get("consistency-token", []):
        world.position = value


# What tus sends is bytes, too.
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")
