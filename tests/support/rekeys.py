"""Both APIs for new shares: with a token, and without one."""

from support.states import ROOT_TOKEN
from vaultctl.core.core import Core
from vaultctl.logical.request import Operation, Request


class Rekey:
    """Asks one of the two APIs for new shares, which answer the same."""

    def __init__(self, core: Core, path: str) -> None:
        self.core = core
        self.path = path

    def __call__(self, verb: str, what: str, **data):
        """Ask for one operation, and give what is told, wherever that stands in the answer."""
        operation = {"GET": Operation.READ, "POST": Operation.UPDATE, "DELETE": Operation.DELETE}[verb]
        token = ROOT_TOKEN if self.path.startswith("rotate") else ""
        response = self.core.handle(Request(operation, f"sys/{self.path}/{what}", data=data, token=token))
        return response.data if response.data is not None else response.raw

    def begin(self, shares: int = 5, threshold: int = 3, **more) -> str:
        """Begin, and give the nonce."""
        return self("POST", "init", secret_shares=shares, secret_threshold=threshold, **more)["nonce"]

    def enter(self, nonce: str, *shares: bytes):
        """Enter shares, and give the last answer."""
        for share in shares:
            told = self("POST", "update", nonce=nonce, key=share.hex())
        return told

    def verify(self, nonce: str, *keys: str):
        """Enter new shares, and give the last answer."""
        for key in keys:
            told = self("POST", "verify", nonce=nonce, key=key)
        return told
