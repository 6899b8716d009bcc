"""Seals that are elsewhere, as the environment names them: a token of SoftHSM2, and a key of a real transit engine."""

from pathlib import Path

from support.bao import ROOT_TOKEN, Bao
from support.softhsm import Token
from vaultctl.logical.request import Operation

KEY_LABEL = "one"


def of_hsm(token: Token, key_label: str = KEY_LABEL) -> dict[str, str]:
    """Name a key of a token."""
    return {
        "BAO_HSM_LIB": token.settings.lib,
        "BAO_HSM_TOKEN_LABEL": token.settings.token_label,
        "BAO_HSM_PIN": token.settings.pin,
        "BAO_HSM_KEY_LABEL": key_label,
        **token.environ,
    }


def of_transit(bao: Bao, token_file: Path, key: str = "vaultctl") -> dict[str, str]:
    """Make a key in a transit engine, and name it; its token is in a file."""
    bao.ask(Operation.UPDATE, "sys/mounts/transit", {"type": "transit"})
    bao.ask(Operation.UPDATE, f"transit/keys/{key}")
    put_token(token_file, ROOT_TOKEN)
    return {
        "BAO_TRANSIT_SEAL_ADDR": bao.address,
        "BAO_TRANSIT_SEAL_KEY_NAME": key,
        "BAO_TRANSIT_SEAL_TOKEN": f"file:{token_file}",
    }


def put_token(path: Path, token: str) -> None:
    """Put another token into the file."""
    path.touch(mode=0o600)
    path.write_text(token)
