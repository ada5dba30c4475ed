from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CreateJwtSvidRequest(_message.Message):
    __slots__ = ("audience",)
    AUDIENCE_FIELD_NUMBER: _ClassVar[int]
    audience: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, audience: _Optional[_Iterable[str]] = ...) -> None: ...

class CreateJwtSvidResponse(_message.Message):
    __slots__ = ("svid", "expires_at")
    SVID_FIELD_NUMBER: _ClassVar[int]
    EXPIRES_AT_FIELD_NUMBER: _ClassVar[int]
    svid: str
    expires_at: int
    def __init__(self, svid: _Optional[str] = ..., expires_at: _Optional[int] = ...) -> None: ...

class BundlesResponse(_message.Message):
    __slots__ = ("bundles",)
    BUNDLES_FIELD_NUMBER: _ClassVar[int]
    bundles: _containers.RepeatedCompositeFieldContainer[TrustBundle]
    def __init__(self, bundles: _Optional[_Iterable[_Union[TrustBundle, _Mapping[str, object]]]] = ...) -> None: ...

class TrustBundle(_message.Message):
    __slots__ = ("trust_domain", "authorities", "jwks", "crls", "tainted", "aliases", "listed_whole")
    TRUST_DOMAIN_FIELD_NUMBER: _ClassVar[int]
    AUTHORITIES_FIELD_NUMBER: _ClassVar[int]
    JWKS_FIELD_NUMBER: _ClassVar[int]
    CRLS_FIELD_NUMBER: _ClassVar[int]
    TAINTED_FIELD_NUMBER: _ClassVar[int]
    ALIASES_FIELD_NUMBER: _ClassVar[int]
    LISTED_WHOLE_FIELD_NUMBER: _ClassVar[int]
    trust_domain: str
    authorities: _containers.RepeatedScalarFieldContainer[bytes]
    jwks: str
    crls: _containers.RepeatedScalarFieldContainer[bytes]
    tainted: _containers.RepeatedScalarFieldContainer[bytes]
    aliases: _containers.RepeatedScalarFieldContainer[str]
    listed_whole: bool
    def __init__(self, trust_domain: _Optional[str] = ..., authorities: _Optional[_Iterable[bytes]] = ..., jwks: _Optional[str] = ..., crls: _Optional[_Iterable[bytes]] = ..., tainted: _Optional[_Iterable[bytes]] = ..., aliases: _Optional[_Iterable[str]] = ..., listed_whole: _Optional[bool] = ...) -> None: ...
