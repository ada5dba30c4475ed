"""The program: settings, the store, the supervisor and the command line. The only package that knows all others."""
