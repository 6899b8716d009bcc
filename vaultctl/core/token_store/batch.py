"""Batch tokens: nothing is stored of them. The token is its own record, encrypted: `b.` and base64.

The key of each is derived from a barrier term's and a salt of the token's own, so that they use up nothing of what a
term may encrypt. Source: OpenBao 2.7 for what a batch token is.
"""

import binascii
import json
from collections.abc import Mapping
from typing import Any

from vaultctl.core.tokens import BATCH, SECOND_NS, Token, from_record
from vaultctl.core.views import View
from vaultctl.logical.storage import Reading

_STANDARD, _URL = b"+/", b"-_"


def write(view: View, fields: Mapping[str, Any]) -> str:
    """Make the token that holds these fields of a `Token`."""
    defaults = Token._field_defaults
    record = {name: value for name, value in fields.items() if value != defaults.get(name, ...)}
    blob = view.encrypt_token(json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode())
    text = binascii.b2a_base64(blob, newline=False).translate(bytes.maketrans(_STANDARD, _URL))
    return BATCH + text.rstrip(b"=").decode()


def read(storage: Reading, token: str, id_hash: str) -> Token | None:
    """Give what a token holds, or None where no token of this state is."""
    if not isinstance(storage, View):
        return None
    text = token.removeprefix(BATCH).partition(".")[0]
    try:
        blob = binascii.a2b_base64(
            text.encode("ascii").translate(bytes.maketrans(_URL, _STANDARD)) + b"=" * (-len(text) % 4), strict_mode=True
        )
    except (UnicodeEncodeError, binascii.Error):
        return None
    plain = storage.decrypt_token(blob)
    if plain is None:
        return None
    found = from_record(id_hash, {"accessor": "", **json.loads(plain)})
    begin_ns = found.creation_time_s * SECOND_NS
    return found._replace(issue_ns=begin_ns, expire_ns=begin_ns + int(found.ttl_s * SECOND_NS))
