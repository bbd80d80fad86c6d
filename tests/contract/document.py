"""Holds an answer to the OpenAPI document that the service itself gives out.

Contract: `faults` names what an answer has and the document does not tell: its status, its media
type, its body. A status counts as told only by its own number, never by `default`. Does not know
where answers come from.
"""

import json
import re
from typing import Any

import jsonschema_rs

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
Faults = list[str]


class Document:
    """An OpenAPI 3.1 document."""

    def __init__(self, content: dict[str, Any]) -> None:
        """Take the document as it was served."""
        self._content = content
        self._templates = {
            re.compile(re.sub(r"\\{[^{}]*\\}", "[^/]+", re.escape(path))): path
            for path in content["paths"]
        }

    @property
    def operations(self) -> list[tuple[str, str]]:
        """Every method and path template."""
        paths = self._content["paths"].items()
        return [(method.upper(), path) for path, item in paths for method in METHODS & {*item}]

    def faults(self, method: str, path: str, status: int, media_type: str, body: bytes) -> Faults:
        """Return what the document does not tell about an answer; nothing where all is told."""
        template = next((t for p, t in self._templates.items() if p.fullmatch(path)), None)
        operation = self._content["paths"].get(template, {}).get(method.lower())
        if operation is None:
            return [f"{method} {path} is not in the document"]
        told = operation["responses"].get(str(status))
        if told is None:
            return [f"{method} {template} may not answer {status}"]
        plain = media_type.partition(";")[0].strip().lower()
        if plain not in told.get("content", {}):
            return [f"{method} {template} may not answer {status} as {plain or 'nothing'}"]
        return self._body_faults(told["content"][plain].get("schema", {}), body)

    def _body_faults(self, schema: dict[str, Any], body: bytes) -> Faults:
        try:
            instance = json.loads(body)
        except ValueError as error:
            return [f"the body is not JSON: {error}"]
        whole = {"components": self._content.get("components", {}), **schema}
        validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
        return [f"{e.instance_path}: {e.message}" for e in validator.iter_errors(instance)]
