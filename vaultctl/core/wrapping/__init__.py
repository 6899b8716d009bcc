"""Response wrapping: an answer that waits in the cubbyhole of a token, which is good for one use.

`stage` puts an answer away, `presented` finds the wrapping token that a request is about, `store` holds tokens and
contents, `past` what is remembered of tokens that are gone, `jwt` the other form of a token.
"""
