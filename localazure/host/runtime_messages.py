"""Plain classes where `azure-functions-runtime` expects gRPC messages.

The library takes its message classes from whoever drives it (`properties["protos"]`) and only sets and reads
attributes, so nothing of gRPC or protobuf is loaded: it would cost more start-up time than the app itself.
Imports nothing but the standard library, since an app's cold start is measured in the worker.
"""

import base64
from types import SimpleNamespace
from typing import Any


class Message:
    """A message: whatever fields it was made with; any other field is None, as an unset protobuf field is falsy."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __getattr__(self, name: str) -> Any:
        # The library asks any value for `.TypedData` to tell its class from its module (bindings/datumdef.py).
        if name.startswith("__") or name == "TypedData":
            raise AttributeError(name)
        return None


class TypedData(Message):
    """A value with its kind: `string`, `json`, `bytes` or `http`; exactly one, or none."""

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)
        self.kind = next(iter(fields), None)

    def WhichOneof(self, _group: str) -> str | None:  # noqa: N802 - protobuf's name, which the library calls
        return self.kind


class ParameterBinding(Message):
    """A named value that goes into a function or comes out of it."""

    def WhichOneof(self, _group: str) -> str:  # noqa: N802 - protobuf's name, which the library calls
        return "data"


def _kind(name: str, **constants: object) -> type[Message]:
    return type(name, (Message,), constants)


RpcHttp = _kind("RpcHttp")

PROTOS = SimpleNamespace(
    TypedData=TypedData,
    ParameterBinding=ParameterBinding,
    RpcHttp=RpcHttp,
    StatusResult=_kind("StatusResult", Failure=0, Success=1, Cancelled=2),
    BindingInfo=_kind("BindingInfo", undefined=0, **{"in": 0}, out=1, inout=2),
    **{
        name: _kind(name)
        for name in (
            "WorkerInitResponse",
            "WorkerMetadata",
            "FunctionMetadataResponse",
            "FunctionLoadResponse",
            "RpcFunctionMetadata",
            "RpcRetryOptions",
            "InvocationResponse",
            "RpcException",
            "RpcHttpCookie",
            "NullableString",
            "NullableBool",
            "NullableDouble",
            "NullableTimestamp",
        )
    },
)


def decode(value: dict[str, Any]) -> TypedData:
    """A value as the host writes it in JSON: `{"string"|"json": text}`, `{"bytes": base64}` or `{"http": request}`."""
    ((kind, content),) = value.items()
    match kind:
        case "bytes":
            return TypedData(bytes=base64.b64decode(content))
        case "http":
            body = TypedData(bytes=base64.b64decode(content["body"]))
            return TypedData(http=RpcHttp(**{**content, "body": body}))
        case "string" | "json":
            return TypedData(**{kind: content})
        case _:
            raise ValueError(f"a value of unknown kind {kind!r}")


def encode(value: Any) -> dict[str, Any] | None:
    """The other way round: what a function returned, for the host; None for nothing."""
    if value is None or value.kind is None:
        return None
    content = getattr(value, value.kind)
    match value.kind:
        case "bytes":
            return {"bytes": base64.b64encode(content).decode()}
        case "http":
            headers = dict(content.headers or {})
            return {"http": {"status": int(content.status_code), "headers": headers, "body": encode(content.body)}}
        case kind:
            return {kind: content}
