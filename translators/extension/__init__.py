"""What stands behind the name of an extension's filter (ECDS): Lua code or a Wasm module, or what takes its place.

Belongs here: the configuration of such filters as resources. Where they stand in the chain is said by
`translators.filters.extension`.
"""
