"""The OWASP API Security Top 10 of 2023, item by item.

API6 (unrestricted access to sensitive business flows) does not apply: there is nothing to buy, to
reserve or to post here, and a caller who automates predictions is the customer.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx2 import Response

from mnist_backend import keys, tokens
from mnist_backend.keys import SCOPES, Scope
from mnist_backend.predictor import Recognition, Values

from . import issuers
from .conftest import CertainPredictor, MakeClient

issuer = issuers.issuer
API = "/api/v1"
PREDICT, BATCH, FEEDBACK = f"{API}/predict", f"{API}/predict/batch", f"{API}/feedback"
PROMOTE = f"{API}/models/0.1.0+test/promote"
NOBODYS = "0" * 32
BLANK: dict[str, object] = {"image": [0.0] * 784}
BODIES: dict[str, dict[str, object]] = {
    PREDICT: BLANK,
    BATCH: {"images": [BLANK["image"]]},
    FEEDBACK: {"prediction_id": NOBODYS, "digit": 1},
    PROMOTE: {"alias": "champion"},
}
DOORS: list[tuple[str, str, Scope]] = [  # every operation that needs a caller, and the scope
    ("POST", PREDICT, "predict"),
    ("POST", BATCH, "predict"),
    ("POST", FEEDBACK, "feedback"),
    ("GET", f"{API}/predictions/{NOBODYS}", "predict"),
    ("GET", f"{API}/models", "predict"),
    ("POST", PROMOTE, "admin"),
]
TELLING = re.compile(r"Traceback|File \"|site-packages|/app/|sqlite|psycopg|0x[0-9a-f]{6}")


@dataclass
class Doors:
    """An application that asks for keys, and one key for each set of scopes."""

    client: TestClient
    file: Path

    def key(self, *scopes: str) -> dict[str, str]:
        """Make a key and return the header to send."""
        return {"x-api-key": keys.make(self.file, "-".join((*scopes, "key")), scopes, 1)}

    def ask(self, method: str, path: str, headers: dict[str, str]) -> Response:
        """Knock at a door with a proper body."""
        return self.client.request(method, path, json=BODIES.get(path), headers=headers)


@pytest.fixture
def doors(make_client: MakeClient, tmp_path: Path, issuer: issuers.Issuer) -> Doors:
    """An application that asks for keys, and takes tokens of an issuer."""
    file = tmp_path / "keys.json"
    settings = {"auth": "on", "keys_file": file, "oidc_issuer": issuer.url}
    keys.make(file, "first", ["predict"], 1)
    return Doors(make_client(**settings), file)


def test_api1_the_prediction_of_another_does_not_exist(doors: Doors) -> None:
    """Another key's prediction is neither shown nor takes feedback, as if it were not there."""
    mine = {"x-api-key": keys.make(doors.file, "mine", ["predict", "feedback"], 1)}
    yours = {"x-api-key": keys.make(doors.file, "yours", ["predict", "feedback"], 1)}
    identity = doors.client.post(PREDICT, json=BLANK, headers=mine).json()["id"]
    path, body = f"{API}/predictions/{identity}", {"prediction_id": identity, "digit": 7}
    seen = doors.client.get(path, headers=yours)
    absent = doors.client.get(f"{API}/predictions/{NOBODYS}", headers=yours)
    assert (seen.status_code, absent.status_code) == (404, 404)
    assert seen.json()["detail"] == absent.json()["detail"].replace(NOBODYS, identity)
    assert doors.client.post(FEEDBACK, json=body, headers=yours).status_code == 404
    assert doors.client.get(path, headers=mine).json()["feedback"] is None
    assert doors.client.post(FEEDBACK, json=body, headers=mine).status_code == 200


def credentials(doors: Doors, issuer: issuers.Issuer) -> dict[str, dict[str, str]]:
    """Return credentials that open nothing."""
    good = doors.key("predict", "feedback", "admin")["x-api-key"]
    revoked = keys.make(doors.file, "gone", [*SCOPES], 1)
    keys.revoke(doors.file, revoked.split("_")[1])
    return {
        "none": {},
        "another": {"x-api-key": good[:-1] + ("A" if good[-1] != "A" else "B")},
        "revoked": {"x-api-key": revoked},
        "in the wrong place": {"authorization": f"Basic {good}"},
        "expired token": {"authorization": f"Bearer {issuer.token(exp=1)}"},
        "token of another": {"authorization": f"Bearer {issuer.token(issuers.first('stranger'))}"},
        "unsigned": {"authorization": "Bearer eyJhbGciOiJub25lIn0.e30."},
    }


def test_api2_nobody_gets_in_without_being_known(doors: Doors, issuer: issuers.Issuer) -> None:
    """Every operation refuses every credential that is not right, with a challenge, until 429."""
    wrong = credentials(doors, issuer)
    statuses: list[int] = []
    for method, path, _ in DOORS:
        for headers in wrong.values():
            answer = doors.ask(method, path, headers)
            statuses.append(answer.status_code)
            assert answer.headers["content-type"] == "application/problem+json"
            assert ("www-authenticate" in answer.headers) == (answer.status_code == 401)
    assert statuses == [401] * 20 + [429] * (len(statuses) - 20)


def test_api2_a_key_in_the_address_is_no_key(doors: Doors) -> None:
    """What stands in logs of proxies opens nothing."""
    (key,) = doors.key("predict").values()
    assert doors.client.post(f"{PREDICT}?api_key={key}", json=BLANK).status_code == 401


@pytest.mark.parametrize("path", [*BODIES])
def test_api3_no_property_is_taken_that_is_not_asked_for(client: TestClient, path: str) -> None:
    """A field more, of whatever name, is refused by its name."""
    for extra in ("id", "owner", "model_version", "is_admin", "__class__"):
        answer = client.post(path, json={**BODIES[path], extra: 1})
        assert answer.status_code == 422
        assert {"field": extra, "rule": "is not a known field", "value": 1} in answer.json()[
            "errors"
        ]


def test_api3_no_property_is_told_that_is_not_documented(client: TestClient) -> None:
    """Answers hold what the document says: no owner, no drawing, no path, no hash of a key."""
    schemas = client.get("/openapi.json").json()["components"]["schemas"]
    predicted = client.post(PREDICT, json=BLANK).json()
    stored = client.get(f"{API}/predictions/{predicted['id']}").json()
    body = {"prediction_id": predicted["id"], "digit": 7}
    for name, answer in (
        ("Prediction", predicted),
        ("StoredPrediction", stored),
        ("Feedback", client.post(FEEDBACK, json=body).json()),
        ("Models", client.get(f"{API}/models").json()),
    ):
        assert answer.keys() == schemas[name]["properties"].keys()
    assert not {"owner", "image", "ink", "shadow"} & stored.keys()


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (PREDICT, b" " * 70_000, 413),
        (BATCH, b" " * 1_100_000, 413),
        (FEEDBACK, b" " * 2_000, 413),
        (PROMOTE, b" " * 2_000, 413),
        (BATCH, b'{"images": [' + b'"a",' * 64 + b'"a"]}', 422),
        (PREDICT, b"[" * 60_000, 400),
    ],
)
def test_api4_a_request_costs_no_more_than_a_bound(
    client: TestClient, path: str, body: bytes, status: int
) -> None:
    """Bytes, drawings and depth are bounded."""
    answer = client.post(path, content=body, headers={"content-type": "application/json"})
    assert answer.status_code == status


def test_api4_a_caller_asks_no_more_than_the_limit(make_client: MakeClient) -> None:
    """The limit counts all operations together and says when to come again."""
    client = make_client(rate_limit="4/minute")
    answers = [client.request(m, p, json=BODIES.get(p)) for m, p, _ in DOORS]
    codes = [answer.status_code for answer in answers]
    assert codes[4:] == [429, 429]
    assert 429 not in codes[:4]
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_api5_a_scope_opens_its_own_operations(doors: Doors) -> None:
    """Each operation lets its scope in, and refuses a key that has both others."""
    for scope in SCOPES:
        with_it, without = doors.key(scope), doors.key(*(s for s in SCOPES if s != scope))
        for method, path, needed in DOORS:
            if needed == scope:
                assert doors.ask(method, path, with_it).status_code not in {401, 403, 429}
                assert doors.ask(method, path, without).status_code == 403


def test_api5_no_operation_is_without_a_scope(client: TestClient) -> None:
    """The list of doors above is all there is under the API."""
    routes = [r for r in client.app.router.routes if isinstance(r, APIRoute)]  # type: ignore[attr-defined]
    found = {(m, r.path) for r in routes if r.path.startswith(API) for m in r.methods or ()}
    templates = {(m, re.sub(r"(?<=models/)[^/]+(?=/)", "{version}", p)) for m, p, _ in DOORS}
    assert found == {(m, p.replace(NOBODYS, "{id}")) for m, p in templates}


def test_api7_nothing_is_fetched_that_a_caller_names(
    doors: Doors, issuer: issuers.Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Addresses in bodies, headers and tokens are never asked; only the configured issuer is."""
    asked: list[str] = []
    real = tokens.fetched

    def noted(address: str) -> dict[str, object]:
        asked.append(address)
        return real(address)

    monkeypatch.setattr(tokens, "fetched", noted)
    there = f"{issuer.url}/there"
    signer = issuer.signer
    signer.key_id = there
    token = issuer.token(iss=there, jku=there)
    sent = {"authorization": f"Bearer {token}", "x-forwarded-for": there, "referer": there}
    for headers in (sent, doors.key("predict")):
        for body in ({"image": there}, {"image": f"data:image/png;base64,{there}"}):
            assert doors.client.post(PREDICT, json=body, headers=headers).status_code in {401, 422}
    assert all(address.startswith(issuer.url) for address in asked)
    assert "/there" not in issuer.asked


def test_api7_an_issuer_cannot_send_elsewhere(doors: Doors, issuer: issuers.Issuer) -> None:
    """A redirect of the configured issuer is not followed."""
    issuer.answers["/elsewhere"] = issuer.answers[issuers.DISCOVERY]
    issuer.answers[issuers.DISCOVERY] = f"{issuer.url}/elsewhere"
    headers = {"authorization": f"Bearer {issuer.token()}"}
    answer = doors.client.post(PREDICT, json=BLANK, headers=headers)
    assert answer.status_code == 503
    assert "/elsewhere" not in issuer.asked


@pytest.mark.parametrize("path", ["/health", "/ready", PREDICT, "/nowhere", "/docs"])
def test_api8_answers_carry_the_headers_of_security(client: TestClient, path: str) -> None:
    """Nothing is guessed, framed or shared with other origins, and the server tells no version."""
    answer = client.get(path, headers={"origin": "https://elsewhere.example"})
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert not {"server", "x-powered-by", "access-control-allow-origin"} & answer.headers.keys()
    assert path == "/docs" or answer.headers["cache-control"] == "no-store"


def test_api8_no_failure_tells_of_the_machine(make_client: MakeClient) -> None:
    """Neither a refusal nor a crash has a trace, a path or a library in its body."""

    class Crashing(CertainPredictor):
        def recognise(self, values: Values) -> Recognition:
            if values.sum() > 1:
                message = 'File "/app/src" sqlite'
                raise RuntimeError(message)
            return super().recognise(values)

    client = make_client(lambda model, _: Crashing(model.card))
    answers = [
        client.post(PREDICT, json={"image": [1.0] * 784}),
        client.post(PREDICT, json={"image": "AAAA"}),
        client.post(PREDICT, content=b"{", headers={"content-type": "application/json"}),
        client.post(FEEDBACK, json=BODIES[FEEDBACK]),
        client.get("/nowhere"),
    ]
    assert [answer.status_code for answer in answers] == [500, 422, 400, 404, 404]
    assert not any(TELLING.search(answer.text) for answer in answers)


@pytest.mark.parametrize("path", ["/metrics", "/debug", "/.env", "/openapi.yaml", "/redoc"])
def test_api8_what_is_for_operators_is_not_on_this_port(client: TestClient, path: str) -> None:
    """Metrics have a port of their own, and there is no other page."""
    assert client.get(path).status_code == 404


def test_api8_the_documentation_is_a_decision(make_client: MakeClient) -> None:
    """An operator can turn off the pages and the document."""
    client = make_client(docs=False)
    assert [client.get(path).status_code for path in ("/docs", "/openapi.json")] == [404, 404]


def test_api9_there_is_one_version_and_every_route_is_in_the_document(client: TestClient) -> None:
    """No forgotten path, no older version beside the documented one."""
    documented = client.get("/openapi.json").json()["paths"]
    assert {path for path in documented if path.startswith("/api")} == {
        path for path in documented if path.startswith(API)
    }
    routes = [r for r in client.app.router.routes if isinstance(r, APIRoute)]  # type: ignore[attr-defined]
    shown = {r.path for r in routes if r.include_in_schema}
    hidden = {r.path for r in routes if not r.include_in_schema}
    assert shown == documented.keys()
    assert hidden <= {"/docs", "/docs/oauth2-redirect"}
    for other in ("/predict", "/api/predict", "/api/v0/predict", "/api/v2/predict"):
        assert client.post(other, json=BLANK).status_code == 404


@pytest.mark.parametrize("answer", [b"[]", b" " * (tokens.FETCH_BYTES + 1), b'{"keys": [{}]}', 500])
def test_api10_what_the_issuer_answers_is_bounded_and_checked(
    doors: Doors, issuer: issuers.Issuer, answer: bytes | int
) -> None:
    """An issuer that answers nonsense lets nobody in and breaks nothing."""
    issuer.answers[issuers.KEYS] = answer
    headers = {"authorization": f"Bearer {issuer.token()}"}
    refused = doors.client.post(PREDICT, json=BLANK, headers=headers)
    assert refused.status_code == 503
    assert refused.json()["type"] == "urn:mnist-backend:problem:issuer-unavailable"
    assert doors.client.post(PREDICT, json=BLANK, headers=doors.key("predict")).status_code == 200
