"""Flags and exit codes of the commands that check a wrapping token before it is used."""

from vaultctl.cli.go_flags import flag, switch

FAILED, USED, EXPIRED, NEVER_HERE, WRONG_NAMESPACE, GONE, REVOKED = 3, 4, 5, 6, 7, 8, 9

EXIT_CODES = {
    FAILED: "the check failed: another path or time, or wrapped anew; not used",
    USED: "the token was used",
    EXPIRED: "the token has expired",
    NEVER_HERE: "the token was never one of this server's",
    WRONG_NAMESPACE: "the token is of another namespace",
    GONE: "used, expired or never here: this server does not tell",
    REVOKED: "the token was revoked, or what it came from was",
}

EXPECT_PATH = flag("expect-path", "The path whose answer must have been wrapped.", metavar="PATH")
ISSUED_BEFORE = flag(
    "issued-before", "The moment after which no good token was made, as 2026-01-31T12:00:00Z.", metavar="TIME"
)
ALLOW_REWRAPPED = switch("allow-rewrapped", "Take a token that was wrapped anew, as wrapping keep does.")
