"""Where a request's verified token is to be found: what jwt_authn writes there, authorization and routes read.

As in Istio, the payload of the token is in the dynamic metadata of Envoy's filter, under one key whoever issued it. The
filter writes it only of a token that it has verified, and of one token: of several it is that of the first rule, by
issuer, whose token is valid. So

- ``iss`` and ``sub`` are the claims of one token; Istio's ``request.auth.principal``, which is ``ISS/SUB``, has no
  field of its own and is a condition on both: what is behind the last ``/`` is the subject, as an issuer may be a URL;
- ``request.auth.audiences`` is the claim ``aud``, ``request.auth.presenter`` the claim ``azp``;
- a claim is as it is in the token, a string or a list of strings; those that separate their values by spaces
  (``scope``, ``permission`` and a rule's ``spaceDelimitedClaims``) have become lists.

`claim_matcher` asks for both forms.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from envoy_data_plane.envoy.type.matcher.v3 import (
    ListMatcher,
    MetadataMatcher,
    MetadataMatcherPathSegment,
    OrMatcher,
    StringMatcher,
    ValueMatcher,
)

FILTER: Final = "envoy.filters.http.jwt_authn"
"""The name of the filter, and of its dynamic metadata."""

PAYLOAD: Final = "payload"
"""The key of the payload there."""


def claim_matcher(claims: Iterable[str], value: StringMatcher | None, *, invert: bool = False) -> MetadataMatcher:
    """A condition on one claim: that it has this value, or has it in its list; None: that it is there at all.

    claims: its name, preceded by those of the objects that it is in. invert: also met without a token.
    """
    path = [MetadataMatcherPathSegment(key=key) for key in (PAYLOAD, *claims)]
    return MetadataMatcher(filter=FILTER, path=path, value=_one_or_listed(value), invert=invert)


def _one_or_listed(value: StringMatcher | None) -> ValueMatcher:
    if value is None:
        return ValueMatcher(present_match=True)
    alone = ValueMatcher(string_match=value)
    listed = ValueMatcher(list_match=ListMatcher(one_of=alone))
    return ValueMatcher(or_match=OrMatcher(value_matchers=[alone, listed]))
