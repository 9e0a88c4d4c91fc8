"""All SQL of the store, one file a table: sync functions that take the connection first.

They decide nothing and touch no file; `store.filing`, `changing`, `foldering` and
`reconcile` do, inside a transaction of `store.commit`.
"""
