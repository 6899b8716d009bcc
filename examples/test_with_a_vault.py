import hvac
import pytest


@pytest.mark.vault_seed({"secrets": {"secret/db": {"password": "correct horse"}}})
def test_the_password_is_found(vault):
    client = hvac.Client(url=vault.address, token=vault.token)
    assert client.read("secret/data/db")["data"]["data"] == {"password": "correct horse"}
    with vault.seal(), pytest.raises(hvac.exceptions.VaultDown):
        client.read("secret/data/db")
