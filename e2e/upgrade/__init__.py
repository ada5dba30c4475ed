"""The release before this one is upgraded to this one under load, and back again (docs/upgrading.md)."""
