"""ES512: ECDSA over P-521 with SHA-512, as JSON web tokens have it. Keys are PKCS #8 in DER.

Source: RFC 7518, section 3.4: a signature is r and s, 66 bytes each.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

_NUMBER_B = 66
_ECDSA = ec.ECDSA(hashes.SHA512())


def new_key() -> bytes:
    """Make a key, out of the randomness of the system."""
    return ec.generate_private_key(ec.SECP521R1()).private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def sign(key: bytes, data: bytes) -> bytes:
    """Sign."""
    r, s = decode_dss_signature(_private(key).sign(data, _ECDSA))
    return r.to_bytes(_NUMBER_B) + s.to_bytes(_NUMBER_B)


def is_good(key: bytes, data: bytes, signature: bytes) -> bool:
    """Tell whether a signature over the data was made with this key."""
    if len(signature) != 2 * _NUMBER_B:
        return False
    r, s = int.from_bytes(signature[:_NUMBER_B]), int.from_bytes(signature[_NUMBER_B:])
    try:
        _private(key).public_key().verify(encode_dss_signature(r, s), data, _ECDSA)
    except InvalidSignature:
        return False
    return True


def _private(key: bytes) -> ec.EllipticCurvePrivateKey:
    found = serialization.load_der_private_key(key, None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise TypeError("the key is none of an elliptic curve")
    return found
