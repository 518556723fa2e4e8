"""Every kind against the emulator: what each must keep to, whatever it is."""
