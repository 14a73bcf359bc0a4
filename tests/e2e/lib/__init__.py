"""What the end-to-end tests share: a server of their own, clients written from docs/protocol.md alone."""
