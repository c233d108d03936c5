"""What moto lacks of AWS IoT and Application Auto Scaling: tags, which Terraform reads back (apply would stop at them).

And an IoT endpoint that stays the same from call to call, as the real one does.
"""

import json
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, parse_qsl

_IOT_CREATED = ("/rules/", "/policies/", "/thing-types/")
_REGISTER = "AnyScaleFrontendService.RegisterScalableTarget"
_SCALING_TAGS = "AnyScaleFrontendService.ListTagsForResource"


class TagsServer:
    """Remembers what resources were tagged with when they were made, and answers for it; the rest goes to moto.

    IoT's resources are known by the last part of their ARN and path, scalable targets by the ARN moto gives them.
    """

    def __init__(self, app: Any) -> None:
        self._app = app
        self._iot: dict[str, list[dict[str, str]]] = {}
        self._targets: dict[str, dict[str, str]] = {}

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        if "/iot/aws4_request" in environ.get("HTTP_AUTHORIZATION", ""):
            if path == "/tags" and method == "GET":
                arn = parse_qs(environ.get("QUERY_STRING", ""))["resourceArn"][0]
                return _reply(start_response, {"tags": self._iot.get(arn.rpartition("/")[2], [])})
            if path == "/endpoint":
                return _reply(start_response, {"endpointAddress": "0123456789abcd-ats.iot.example.com"})
            if method == "POST" and path.startswith(_IOT_CREATED):
                self._iot[path.rpartition("/")[2]] = _given_to_iot(environ)
        if target == _SCALING_TAGS:
            return _reply(start_response, {"Tags": self._targets.get(_asked(environ)["ResourceARN"], {})})
        if target == _REGISTER:
            tags = _asked(environ).get("Tags", {})
            answer = list(self._app(environ, start_response))
            self._targets[json.loads(b"".join(answer))["ScalableTargetARN"]] = tags
            return answer
        passed: Iterable[bytes] = self._app(environ, start_response)
        return passed


def _given_to_iot(environ: dict[str, Any]) -> list[dict[str, str]]:
    """Return the tags of a call that makes something: in a header for rules, in the body for others."""
    if "HTTP_X_AMZ_TAGGING" in environ:
        return [{"Key": key, "Value": value} for key, value in parse_qsl(environ["HTTP_X_AMZ_TAGGING"])]
    found: list[dict[str, str]] = _asked(environ).get("tags", [])
    return found


def _asked(environ: dict[str, Any]) -> dict[str, Any]:
    """Return a call's JSON, which stays to be read again."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = BytesIO(body)
    asked: dict[str, Any] = json.loads(body or b"{}")
    return asked


def _reply(start_response: Callable[..., Any], body: dict[str, Any]) -> Iterable[bytes]:
    data = json.dumps(body).encode()
    start_response("200 OK", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(data)))])
    return [data]
