"""Policies: what they say (`hcl`, `json_form`, `rules`), what they allow (`acl`), and where they are kept (`store`).

Only writing a policy reads HCL. What is stored has the rules beside the text, and a request is judged by those.
"""
