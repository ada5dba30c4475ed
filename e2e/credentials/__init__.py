"""Credentials from Secrets, in real Envoys: who shows which certificate, and what becomes of open connections."""
