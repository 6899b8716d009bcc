"""Leases of what secrets engines give out: `store` knows the rows, `issue` makes them, `revoke` takes back, `job` many.

A lease counts as absent as soon as it has expired, or the token that it was given to is gone, however long its row
stays; what could not be taken back stays to be seen. Source: OpenBao 2.7 for what is shown, and for the words.
"""
