"""What MeshConfig and the configuration of single proxies do to traffic, changed while real Envoys are running."""
