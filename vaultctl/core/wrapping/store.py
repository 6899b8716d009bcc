"""Wrapping tokens and what they open, as they are stored.

A wrapping token is a token like others, with one use and the policy `response-wrapping`, which no request can give. It
is of the mount whose answer it opens: it ends where that mount is moved or disabled. The content is the token's own
cubbyhole, as the JSON of the answer's fields, and lies beside the token's record, which it goes with. So a token and
its content end in one commit, whatever ends them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vaultctl.core import tokens
from vaultctl.core.mounts import suffix_of
from vaultctl.core.tokens import SECOND_NS, WRAPPING_POLICY
from vaultctl.logical import json_text
from vaultctl.logical.errors import InvalidRequest
from vaultctl.logical.response import Lease, Response

if TYPE_CHECKING:
    from collections.abc import Callable

    from vaultctl.core.mounts import Mount
    from vaultctl.core.session import Session
    from vaultctl.core.tokens import Token

_CONTENT = "response"
"""Where the content lies in the token's cubbyhole. Source: OpenBao 2.7, where the token can read it there, too."""

_DISPLAY_NAME = "token"
_NO_LEASE = Lease(0)
_NOTHING = "no information found for this wrapping token"


def issue(
    session: Session, fields: dict[str, Any], content: bytes, *, seal_wrap: bool, random: Callable[[int], bytes]
) -> tuple[Token, str]:
    """Store a new wrapping token and its content; give its record and its text.

    The fields are those of `Token` that tell one wrapping token from another: path, namespace, mount, below, issue_ns,
    ttl_s and rewrapped.
    """
    namespace, ttl_s = fields["namespace"], fields["ttl_s"]
    text = tokens.new_token(random) + suffix_of(namespace)
    made = tokens.create(
        session.view,
        text,
        policies=(WRAPPING_POLICY,),
        display_name=_DISPLAY_NAME,
        creation_time_s=fields["issue_ns"] // SECOND_NS,
        num_uses=1,
        uses_given=1,
        lease_ttl_s=ttl_s,
        explicit_max_ttl_s=ttl_s,
        **fields,
    )
    tokens.keep_stored(session.view, made)
    session.view.put(place_of(made), content, seal_wrap=seal_wrap)
    return made, text


def is_seal_wrapped(mount: Mount | None) -> bool:
    """Tell whether what a mount answers lies under the seal: a kv mount's secrets do; `sys/` has none of its own."""
    return mount is not None and mount.seal_wrap and mount.type != "system"


def reissue(
    session: Session, token: Token, *, random: Callable[[int], bytes], now_ns: int, ttl_s: float
) -> tuple[Token, str]:
    """Give the content of a token to a new one, and end the old one. Raises: InvalidRequest."""
    content = _content(session, token)
    fields = {name: getattr(token, name) for name in ("path", "namespace", "mount", "below")}
    fields |= {"ttl_s": ttl_s, "issue_ns": now_ns, "rewrapped": token.rewrapped + 1}
    mount = session.mounts.get(token.mount.partition(".")[0])
    consume(session, token)
    return issue(session, fields, content, seal_wrap=is_seal_wrapped(mount), random=random)


def consume(session: Session, token: Token) -> None:
    """End a token because it was used, and its content with it."""
    from vaultctl.core.token_store.sweep import remove_wrapping
    from vaultctl.core.wrapping.past import USED

    remove_wrapping(session, token, USED)


def open_content(session: Session, token: Token) -> Response:
    """Give the answer that a token holds. Raises: InvalidRequest."""
    envelope = json_text.loads(json_text.loads(_content(session, token).decode())[_CONTENT])
    lease = Lease(envelope["lease_duration"], envelope["lease_id"], envelope["renewable"])
    return Response(
        envelope.get("status", 0),
        envelope["data"],
        auth=envelope["auth"],
        lease=lease if any(lease) else None,
        warnings=tuple(envelope["warnings"] or ()),
        raw=envelope.get("raw"),
        request_id=envelope["request_id"],
    )


def content_of(response: Response, request_id: str) -> bytes:
    """Give an answer's fields as they are stored: in the envelope that a client gets, under the name it is read by."""
    lease = response.lease or _NO_LEASE
    envelope: dict[str, Any] = {
        "request_id": response.request_id or request_id,
        "lease_id": lease.lease_id,
        "renewable": lease.renewable,
        "lease_duration": lease.duration_s,
        "data": response.data,
        "wrap_info": None,
        "warnings": list(response.warnings) or None,
        "auth": response.auth,
    }
    if response.raw is not None:
        envelope["raw"] = response.raw
    if response.status:
        envelope["status"] = response.status
    text = json_text.dumps(envelope, compact=True)
    return f'{{"{_CONTENT}":{json_text.quoted(text)}}}'.encode()


def _content(session: Session, token: Token) -> bytes:
    content = session.view.get(place_of(token))
    if content is None:
        raise InvalidRequest(_NOTHING)
    return content


def place_of(token: Token) -> str:
    """Name the entry of a token's content. What stores both then writes one page of a database, where they are many."""
    return f"{tokens.BY_ID}{token.id_hash}/{_CONTENT}"
