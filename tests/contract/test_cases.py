"""What the tests themselves are made of: the document's judge, and the count of made-up cases."""

import pytest
from cases import NotesMalformedError, tally
from document import Document

SCHEMA = {"type": "object", "required": ["digit"], "properties": {"digit": {"type": "integer"}}}
DOCUMENT = Document(
    {
        "paths": {
            "/things/{id}": {
                "get": {
                    "responses": {
                        "200": {
                            "content": {
                                "application/json": {"schema": {"$ref": "#/components/schemas/A"}}
                            }
                        },
                        "default": {"content": {"application/json": {"schema": {}}}},
                    }
                }
            }
        },
        "components": {"schemas": {"A": SCHEMA}},
    }
)
JSON = "application/json; charset=utf-8"


def test_an_answer_as_documented_has_no_fault() -> None:
    """Path parameters and the parameters of a media type do not matter."""
    assert DOCUMENT.faults("GET", "/things/7", 200, JSON, b'{"digit": 7}') == []


@pytest.mark.parametrize(
    ("method", "path", "status", "media_type", "body", "said"),
    [
        ("POST", "/things/7", 200, JSON, b'{"digit": 7}', "not in the document"),
        ("GET", "/things/7/8", 200, JSON, b'{"digit": 7}', "not in the document"),
        ("GET", "/things/7", 418, JSON, b'{"digit": 7}', "may not answer 418"),
        ("GET", "/things/7", 200, "text/html", b'{"digit": 7}', "as text/html"),
        ("GET", "/things/7", 200, "", b'{"digit": 7}', "as nothing"),
        ("GET", "/things/7", 200, JSON, b"digit", "not JSON"),
        ("GET", "/things/7", 200, JSON, b'{"digit": "7"}', "not of type"),
        ("GET", "/things/7", 200, JSON, b"{}", "required property"),
    ],
)
def test_what_is_not_documented_is_a_fault(
    method: str, path: str, status: int, media_type: str, body: bytes, said: str
) -> None:
    """The fault names what the document does not tell."""
    (fault,) = DOCUMENT.faults(method, path, status, media_type, body)
    assert said in fault


NOTE = '{"operation": "GET /a", "phase": "fuzzing", "mode": "positive", "status": 200}\n'


def test_calls_are_counted_by_operation_and_phase() -> None:
    """Each line is one call."""
    notes = NOTE + NOTE + NOTE.replace("fuzzing", "coverage")
    assert tally(notes) == {("GET /a", "fuzzing"): 2, ("GET /a", "coverage"): 1}


@pytest.mark.parametrize(
    "notes",
    ["", "\n", NOTE + NOTE[:30], "[]\n", NOTE.replace("200", "0"), NOTE.replace("200", '"200"')],
    ids=["empty", "blank", "cut off", "a list", "no status", "a text"],
)
def test_notes_that_are_none_are_refused(notes: str) -> None:
    """What cannot be read is not counted, and nothing is not taken for something."""
    with pytest.raises(NotesMalformedError):
        tally(notes)
