"""Light: spectra of lamp, LED and reactive phase, and the detector that counts them."""
