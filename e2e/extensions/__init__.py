"""WasmPlugin and TrafficExtension with real Envoys: what code does to requests, and when it takes effect."""
