"""Settings: `config.toml` plus `NDEFENDER_*` variables become frozen, validated structs.

In: a TOML file and the environment. Out: `Settings`. Imports the base files only.
"""
