"""The emulated spectrometer: its state, its variants, and a virtual USB to plug it into."""
